//! What really travels on a reader's serial line: frames cut into several writes, noise between them, now and then a frame cut short.

use super::answer::answer;
use super::frame::{self, Dialect};
use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::VecDeque;

/// Share of frames that arrive in two or three parts.
const SPLIT: f64 = 0.2;
/// Share of frames with up to [`GARBAGE_BYTES`] random bytes before them.
const GARBAGE: f64 = 0.01;
const GARBAGE_BYTES: usize = 20;
/// Share of frames of which the end is lost.
const TRUNCATED: f64 = 0.003;
/// Between heartbeats while nothing is read, milliseconds. A real reader's shortest is 30 s; a short run shall see some, too.
const HEARTBEAT_MS: i64 = 5000;
/// Frames that a reader holds before it drops new ones.
const MOST_FRAMES: usize = 256;

/// Bytes to write at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<T> {
    /// Not before.
    pub due: MonoMs,
    /// What to write.
    pub bytes: Vec<u8>,
    /// Number of the frame that it belongs to.
    pub frame: u64,
    /// Set on the last part of an intact frame: the read that is complete with it.
    pub completes: Option<T>,
}

/// A reader's serial line. `T` names a read.
#[derive(Debug)]
pub struct Line<T> {
    dialect: Dialect,
    rng: SmallRng,
    parts: VecDeque<Part<T>>,
    frames: u64,
    heartbeats: u32,
    total: u32,
    quiet_since: MonoMs,
}

impl<T> Line<T> {
    /// A quiet line; noise comes from `seed`.
    pub fn new(dialect: Dialect, seed: u64) -> Self {
        Self {
            dialect,
            rng: SmallRng::seed_from_u64(seed),
            parts: VecDeque::new(),
            frames: 0,
            heartbeats: 0,
            total: 0,
            quiet_since: MonoMs(0),
        }
    }

    /// A tag was read at `at`, not earlier than the last one; `read` is handed back when its frame is out. Returns whether there was room.
    pub fn read(&mut self, at: MonoMs, port: u8, epc: &Epc, rssi: u8, read: T) -> bool {
        if self.parts.len() >= MOST_FRAMES {
            return false;
        }
        self.quiet_since = at;
        self.total = self.total.wrapping_add(1);
        let mut bytes = frame::tag(self.dialect, port, epc, rssi);
        let mut completes = Some(read);
        if self.rng.random_bool(TRUNCATED) {
            bytes.truncate(self.rng.random_range(1..bytes.len()));
            completes = None;
        }
        if self.rng.random_bool(GARBAGE) {
            let count = self.rng.random_range(0..=GARBAGE_BYTES);
            let garbage: Vec<u8> = (0..count).map(|_| self.rng.random()).collect();
            self.push(at, &garbage, None);
        }
        self.push(at, &bytes, completes);
        true
    }

    /// Bytes came from the host; the reader answers to the commands among them, after what it is about to send.
    pub(super) fn take(&mut self, mut input: Vec<u8>, now: MonoMs) {
        while let Some(answer) = answer(self.dialect, &mut input) {
            if !answer.is_empty() {
                self.push(now, &answer, None);
            }
        }
    }

    /// The next part that is due.
    pub fn due(&mut self, now: MonoMs) -> Option<Part<T>> {
        if self.parts.is_empty() && now.since(self.quiet_since) >= HEARTBEAT_MS {
            self.quiet_since = now;
            self.heartbeats = self.heartbeats.wrapping_add(1);
            if let Some(bytes) = frame::idle(self.dialect, self.heartbeats, self.total) {
                self.push(now, &bytes, None);
            }
        }
        if self.parts.front()?.due <= now { self.parts.pop_front() } else { None }
    }

    /// When the next part is due; `None`: nothing waits.
    pub fn next_due(&self) -> Option<MonoMs> {
        self.parts.front().map(|part| part.due)
    }

    fn push(&mut self, at: MonoMs, bytes: &[u8], mut completes: Option<T>) {
        self.frames += 1;
        let cuts = if self.rng.random_bool(SPLIT) { self.rng.random_range(1..=2) } else { 0 };
        let mut ends: Vec<usize> = (0..cuts).map(|_| self.rng.random_range(0..=bytes.len())).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let (mut start, mut due) = (0, at);
        for (index, &end) in ends.iter().enumerate() {
            let last = index + 1 == ends.len();
            let completes = if last { completes.take() } else { None };
            self.parts.push_back(Part {
                due,
                bytes: bytes[start..end].to_vec(),
                frame: self.frames,
                completes,
            });
            start = end;
            due = due + self.rng.random_range(2..7);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(line: &mut Line<u32>, now: MonoMs) -> Vec<Part<u32>> {
        std::iter::from_fn(|| line.due(now)).collect()
    }

    proptest! {
        #[test]
        fn every_read_that_completes_is_whole_in_the_stream(seed: u64, count in 1_u32..200) {
            let epc: Epc = "34161FA8203E7CB202000020".parse().unwrap();
            let mut line = Line::new(Dialect::Ports, seed);
            let (mut stream, mut complete, mut sent) = (Vec::new(), 0, 0);
            for read in 0..count {
                let at = MonoMs(i64::from(read) * 20);
                sent += u32::from(line.read(at, 1, &epc, 0x50, read));
                for part in drain(&mut line, at) {
                    prop_assert!(part.due <= at);
                    stream.extend(part.bytes);
                    complete += u32::from(part.completes.is_some());
                }
            }
            for part in drain(&mut line, MonoMs(i64::from(count) * 20 + 50)) {
                stream.extend(part.bytes);
                complete += u32::from(part.completes.is_some());
            }
            let whole = frame::tag(Dialect::Ports, 1, &epc, 0x50);
            let found = stream.windows(whole.len()).filter(|window| *window == whole).count();
            prop_assert_eq!(found as u32, complete);
            prop_assert_eq!(sent, count);
        }
    }

    #[test]
    fn truncated_frames_complete_nothing_and_are_rare() {
        let epc: Epc = "34161FA8203E7CB202000020".parse().unwrap();
        let mut line = Line::new(Dialect::Plain, 4);
        let mut complete = 0;
        for read in 0..10_000_u32 {
            line.read(MonoMs(i64::from(read) * 20), 1, &epc, 0, read);
            let parts = drain(&mut line, MonoMs(i64::from(read) * 20 + 19));
            complete += parts.iter().filter(|part| part.completes.is_some()).count();
        }
        assert!((9900..10_000).contains(&complete), "{complete}");
    }

    #[test]
    fn a_quiet_reader_sends_heartbeats_and_one_nobody_empties_drops() {
        let epc: Epc = "34161FA8203E7CB202000020".parse().unwrap();
        let mut line: Line<u32> = Line::new(Dialect::Ports, 4);
        assert!(drain(&mut line, MonoMs(4999)).is_empty());
        let bytes: Vec<u8> = drain(&mut line, MonoMs(5100)).into_iter().flat_map(|part| part.bytes).collect();
        assert!(bytes.is_empty() || bytes[0] == 0x11);
        assert!((0..1000).any(|read| !line.read(MonoMs(6000), 1, &epc, 0, read)));
    }
}
