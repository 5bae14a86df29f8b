//! Finds out which family of readers is at the end of a line, and at which speed.
//!
//! At each speed it first listens, to all families at once: a reader that reads by itself shows what it is. Then it asks each family's question,
//! which changes nothing. One frame proves nothing, because noise passes a checksum now and then: several intact frames of one family do, or
//! an answer to its question. What was read meanwhile is not lost.

#[cfg(test)]
mod tests;

use super::command::commands;
use super::decoder::Decoder;
use super::frame::{Signal, TagFrame};
use crate::config::{AntennaByte, Protocol, ReaderMode};
use flextraff_common::time::MonoMs;

/// Families in the order in which they are asked.
const FAMILIES: [Protocol; 7] = [
    Protocol::Uhfreader,
    Protocol::Cf,
    Protocol::M100,
    Protocol::Thingmagic,
    Protocol::A0,
    Protocol::Cc,
    Protocol::Ascii,
];
/// Speeds at which readers leave the factory or are often set to, the most usual first.
const BAUDS: [u32; 5] = [115_200, 57_600, 9600, 38_400, 19_200];
/// How long it listens before it asks, milliseconds.
const LISTEN_MS: i64 = 1200;
/// How long it goes on listening at a speed at which intact frames have come, but too few.
const LISTEN_MORE_MS: i64 = 6000;
/// How long an answer may take.
const ANSWER_MS: i64 = 250;
/// Intact frames that prove a family; one whose checksum is a byte needs more.
const PROOF: u64 = 3;
const PROOF_WEAK: u64 = 6;
/// Reads that are kept until the family is known.
const MOST_READS: usize = 10_000;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Set the line to this speed.
    Baud(u32),
    /// Send this.
    Ask(Vec<u8>),
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The family.
    pub protocol: Protocol,
    /// Bits per second; `None` in the network.
    pub baud: Option<u32>,
    /// Its decoder, in the midst of the line.
    pub decoder: Decoder,
    /// What it has read so far, and when.
    pub tags: Vec<(MonoMs, TagFrame)>,
}

#[derive(Debug)]
struct Ear {
    protocol: Protocol,
    decoder: Decoder,
    tags: Vec<(MonoMs, TagFrame)>,
}

/// Probes one line.
#[derive(Debug)]
pub struct Prober {
    families: Vec<Protocol>,
    antenna: Option<AntennaByte>,
    /// Empty in the network.
    bauds: Vec<u32>,
    at: usize,
    ears: Vec<Ear>,
    questions: Vec<(Protocol, u16, Vec<u8>)>,
    /// Position of the question that was asked last, one too many: none yet.
    asked: Option<usize>,
    due: MonoMs,
    extended: bool,
    asks: bool,
    rounds: u32,
    todo: Vec<Probe>,
}

impl Prober {
    /// A prober of a line. `protocol`: the only family that is looked for, [`Protocol::Auto`] for all; `first`: the speed to begin with, `None`
    /// in the network; `mode`: whether anything is asked.
    pub fn new(
        protocol: Protocol,
        first: Option<u32>,
        antenna: Option<AntennaByte>,
        mode: ReaderMode,
        now: MonoMs,
    ) -> Self {
        let families = if protocol == Protocol::Auto { FAMILIES.to_vec() } else { vec![protocol] };
        let bauds = first.map_or_else(Vec::new, |first| {
            let others = BAUDS.into_iter().filter(|baud| *baud != first && protocol == Protocol::Auto);
            std::iter::once(first).chain(others).collect()
        });
        let questions = families
            .iter()
            .filter_map(|protocol| commands(*protocol).map(|commands| (*protocol, commands)))
            .flat_map(|(protocol, commands)| {
                (0..commands.variants()).map(move |variant| {
                    let question = commands.question(variant);
                    (protocol, question.code, question.bytes)
                })
            })
            .collect();
        let mut prober = Self {
            families,
            antenna,
            bauds,
            at: 0,
            ears: Vec::new(),
            questions,
            asked: None,
            due: now,
            extended: false,
            asks: mode == ReaderMode::Drive,
            rounds: 0,
            todo: Vec::new(),
        };
        prober.begin(now);
        prober
    }

    /// Takes bytes; gives what was found.
    pub fn feed(&mut self, bytes: &[u8], now: MonoMs) -> Option<Found> {
        for ear in &mut self.ears {
            let tags = ear.decoder.feed(bytes, now);
            ear.keep(tags, now);
        }
        self.judge()
    }

    /// Goes on to the next question or speed.
    pub fn handle_timeout(&mut self, now: MonoMs) -> Option<Found> {
        for ear in &mut self.ears {
            let tags = ear.decoder.handle_timeout(now);
            ear.keep(tags, now);
        }
        if let Some(found) = self.judge() {
            return Some(found);
        }
        if self.due > now {
            return None;
        }
        let next = self.asked.map_or(0, |asked| asked + 1);
        let has_heard = self.ears.iter().any(|ear| ear.decoder.frames() > 0);
        if self.asks && next < self.questions.len() {
            self.asked = Some(next);
            self.due = now + ANSWER_MS;
            self.todo.push(Probe::Ask(self.questions[next].2.clone()));
        } else if has_heard && !self.extended {
            self.extended = true;
            self.due = now + LISTEN_MORE_MS;
        } else {
            self.at += 1;
            if self.at >= self.bauds.len() {
                self.at = 0;
                self.rounds += 1;
            }
            self.begin(now);
        }
        None
    }

    /// When [`Prober::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> MonoMs {
        self.ears.iter().filter_map(|ear| ear.decoder.next_timeout()).fold(self.due, MonoMs::min)
    }

    /// What is to be done now, in order.
    pub fn take_probes(&mut self) -> Vec<Probe> {
        std::mem::take(&mut self.todo)
    }

    /// How often all speeds and families were tried in vain.
    pub const fn rounds(&self) -> u32 {
        self.rounds
    }

    /// Listens at the present speed.
    fn begin(&mut self, now: MonoMs) {
        self.todo.extend(self.bauds.get(self.at).map(|baud| Probe::Baud(*baud)));
        self.asked = None;
        self.extended = false;
        self.due = now + LISTEN_MS;
        self.ears = self
            .families
            .iter()
            .filter_map(|protocol| {
                let decoder = Decoder::new(*protocol, self.antenna)?;
                Some(Ear { protocol: *protocol, decoder, tags: Vec::new() })
            })
            .collect();
    }

    fn judge(&mut self) -> Option<Found> {
        let asked = self.asked.map(|asked| (self.questions[asked].0, self.questions[asked].1));
        let mut best = None;
        for (at, ear) in self.ears.iter_mut().enumerate() {
            let has_answered = ear.decoder.take_signals().iter().any(|signal| {
                let Signal::Reply { code: Some(code), refused: None, .. } = signal else { return false };
                asked == Some((ear.protocol, *code))
            });
            let (frames, proof) = match ear.protocol {
                // An empty line is a frame, too, and the check byte of the other passes once in 256: their tags prove more.
                Protocol::Ascii | Protocol::Cc => (ear.tags.len() as u64, PROOF),
                Protocol::A0 | Protocol::M100 => (ear.decoder.frames(), PROOF_WEAK),
                _ => (ear.decoder.frames(), PROOF),
            };
            if has_answered || (frames >= proof && best.is_none()) {
                best = Some(at);
                if has_answered {
                    break;
                }
            }
        }
        let Ear { protocol, decoder, tags } = self.ears.swap_remove(best?);
        Some(Found { protocol, baud: self.bauds.get(self.at).copied(), decoder, tags })
    }
}

impl Ear {
    fn keep(&mut self, tags: Vec<TagFrame>, now: MonoMs) {
        let room = MOST_READS.saturating_sub(self.tags.len());
        self.tags.extend(tags.into_iter().take(room).map(|tag| (now, tag)));
    }
}
