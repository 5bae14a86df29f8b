//! Counting and outbox joined: reads come in, rows are stored and handed out, acks release them. No thread of its own: `run` calls it on the
//! recorder's thread, `replay` on a given clock.

mod events;
mod eyes;
mod kept;
mod limits;
mod losses;
mod plans;
mod remains;
mod rows;
mod storing;
#[cfg(test)]
mod tests;
mod unstored;

use crate::config::{Antennas, Config};
use crate::counting::{self, Counter, PassageState, ToldPassage};
use crate::identity::{SharedNames, Sighting};
use crate::outbox::{Outbox, OutboxError, Outgoing, PassageChange, Patience, RowBody, Setup};
use crate::signal::CycleRecord;
use eyes::Eye;
use flextraff_common::epc::Epc;
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::ids::{BootId, OutboxId, Seq};
use flextraff_common::junction::LaneIx;
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Ack, Demand, DemandPassage, OutboxStatus};
use limits::Limits;
pub(super) use losses::{Cause, Losses};
pub(super) use remains::Remains;
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use unstored::Unstored;

/// Cycles that wait for the last counts of their time; beyond it the oldest goes out with the counts that are known.
const MOST_WAITING_CYCLES: usize = 16;

/// Time between two messages about vehicles in the stop-line zones, milliseconds.
const TELL_MS: i64 = 200;
/// What another device told longer ago than this says nothing any more, milliseconds.
const OLD_NEWS_MS: i64 = 3000;

/// Why an outbox is set aside that can be opened and read.
pub(super) const NOT_USABLE: &str = "the recorder failed again and again on what was stored or waited to be";
/// What the gap says of open passages that a card has spoilt, or whose lane is no more.
const PASSAGES_UNREADABLE: &str = "passages of before the restart could not be read";

/// Places of [`Recorder::patience`].
const WRITING: usize = 0;
const READING: usize = 1;

/// Where the rows lie, and who makes them.
#[derive(Clone, Debug)]
pub struct RecorderSetup {
    /// The SQLite file.
    pub path: PathBuf,
    /// The present uptime.
    pub boot: BootId,
    /// Identity of a new file.
    pub new_outbox_id: OutboxId,
    /// Whether lanes without a reader count as watched: somebody else feeds their reads.
    pub all_lanes_watched: bool,
    /// How vehicles are named.
    pub names: SharedNames,
    /// Whether an outbox is set aside of which the disk says that it is spoilt; it has failed for a while.
    pub gives_up: bool,
    /// Whether what the outbox holds, or what waits for it, makes the recorder fail, so that it is given up.
    pub starts_anew: bool,
}

/// Counts and stores.
pub struct Recorder {
    config: Arc<Config>,
    boot: BootId,
    eyes: Vec<Eye>,
    counter: Counter,
    outbox: Outbox,
    /// The high-resolution log.
    events: events::Events,
    /// What the outbox has not taken yet.
    unstored: Unstored,
    /// What was lost before it became rows, and when the next gap may tell of it.
    lost: Losses,
    lost_due: MonoMs,
    /// Why the file has to be replaced before anything more is stored.
    damaged: Option<String>,
    /// How long the disk is waited for, in writing and in reading.
    patience: [Patience; 2],
    /// When the file is to be opened again, on which the disk has failed or which looks damaged, and when that was done last.
    reopen_due: Option<MonoMs>,
    reopened: Option<MonoMs>,
    cycles: VecDeque<CycleRecord>,
    /// First reads of published passages, for the cycles that are still to be reported.
    starts: VecDeque<(MonoMs, LaneIx)>,
    /// Passages of published intervals, by lane.
    counted: Vec<u64>,
    next_flush: MonoMs,
    /// When it was tried last to store anything.
    stored: MonoMs,
    /// When others were last told of vehicles.
    told: MonoMs,
    limits: Limits,
    /// Why the disk takes nothing, while it does not.
    failing: Option<String>,
    /// How full the outbox was when it could be asked last.
    status: Option<OutboxStatus>,
}

impl Recorder {
    /// Opens the outbox and goes on from what it holds.
    ///
    /// # Errors
    /// When the outbox cannot be opened or read.
    pub fn open(config: Arc<Config>, setup: &RecorderSetup, now: &Moment) -> Result<Self, OutboxError> {
        Self::succeed(config, setup, &mut None, now)
    }

    /// As [`Recorder::open`], in place of one that has failed: what that one has not stored is taken.
    ///
    /// # Errors
    /// When the outbox cannot be opened or read; what remains stays where it is then.
    pub(super) fn succeed(
        config: Arc<Config>,
        setup: &RecorderSetup,
        remains: &mut Option<Remains>,
        now: &Moment,
    ) -> Result<Self, OutboxError> {
        let mut outbox = Outbox::open(
            &Setup {
                path: setup.path.clone(),
                max_bytes: config.outbox.max_bytes,
                device: config.device,
                junction: config.junction.id,
                new_outbox_id: setup.new_outbox_id,
                boot: setup.boot,
                gives_up: setup.gives_up,
            },
            now,
        )?;
        if setup.starts_anew {
            outbox.start_anew(NOT_USABLE, now)?;
            // The gap of the new file tells of them, too.
            *remains = None;
        }
        let passages = match outbox.passages() {
            Err(error) if error.is_damage() => {
                outbox.start_anew(&format!("the outbox was damaged ({error})"), now)?;
                Vec::new()
            }
            passages => passages?,
        };
        if let Some(aside) = outbox.set_aside() {
            tracing::error!(file = %aside.display(), "the outbox could not be used and was set aside; its rows are reported as a gap");
        }
        let lanes = config.junction.lanes().len();
        let Remains { mut unstored, lost, events, cycles, starts, counted, .. } = match remains.take() {
            Some(remains) => remains.for_outbox(outbox.outbox_id()),
            None => Remains::none(outbox.outbox_id(), passages, config.events, lanes, now.mono),
        };
        let mut kept = kept::read(&unstored.open(), &config.junction);
        if kept.iter().any(|kept| kept.state.is_none()) {
            unstored.add_unknown(PASSAGES_UNREADABLE, setup.boot, now.mono);
        }
        // Those of before a change of setting go on under their pseudonyms.
        kept.iter_mut().filter_map(|kept| kept.state.as_mut()).for_each(|state| {
            (state.epc, state.known_as) = (setup.names.name(state.epc), setup.names.name(state.known_as));
        });
        let (ours, left): (Vec<_>, Vec<_>) =
            kept.into_iter().partition(|kept| kept.boot == setup.boot && kept.state.is_some());
        let open = left.iter().filter_map(|kept| kept.state).filter(|state| state.closed.is_none());
        let before: Vec<Epc> = open.map(|state| state.known_as).collect();
        let ours: Vec<PassageState> = ours.into_iter().filter_map(|kept| kept.state).collect();
        let eyes = Eye::all(&config);
        let mut counter = Counter::new(config.counting, lanes, Eye::lanes(&eyes), now.mono, &ours);
        counter.remember(before.into_iter(), now.mono);
        if setup.all_lanes_watched {
            for eye in 0..eyes.len() {
                counter.handle_reader(eye, true, now.mono);
            }
        }
        let mut recorder = Self {
            events,
            boot: setup.boot,
            eyes,
            counter,
            outbox,
            unstored,
            lost,
            lost_due: now.mono,
            damaged: None,
            patience: Default::default(),
            reopen_due: None,
            reopened: None,
            cycles,
            starts,
            counted,
            next_flush: now.mono,
            stored: now.mono,
            told: now.mono,
            limits: Limits::default(),
            failing: None,
            status: None,
            config,
        };
        if recorder.outbox.is_first_of_boot() {
            recorder.events.push(Event::new(now.mono, EventCode::PowerRestored, 0));
        }
        recorder.close_out(left);
        Ok(recorder)
    }

    /// What it has not stored, for the one that takes its place.
    pub(super) fn into_remains(self) -> Remains {
        Remains {
            outbox: self.outbox.outbox_id(),
            unstored: self.unstored,
            lost: self.lost,
            events: self.events,
            cycles: self.cycles,
            starts: self.starts,
            counted: self.counted,
        }
    }

    /// Makes the rows of passages that earlier uptimes left behind; stored with the first flush, together with their deletion.
    fn close_out(&mut self, left: Vec<kept::Kept>) {
        let boots: BTreeSet<BootId> = left.iter().map(|kept| kept.boot).collect();
        for boot in boots {
            let states: Vec<PassageState> =
                left.iter().filter(|kept| kept.boot == boot).filter_map(|kept| kept.state).collect();
            for interval in counting::close_out(&self.config.counting, &states) {
                self.unstored.add_left(boot, rows::counts(&self.config.junction, &interval));
            }
        }
        for kept in left {
            self.unstored.change(PassageChange { key: kept.key, state: None });
        }
    }

    /// A disk with room for so many pages only; none: a large one.
    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: Option<i64>) {
        self.outbox.limit_pages(pages);
    }

    /// A disk that fails on the open file.
    #[cfg(test)]
    pub(super) fn fail_with(&mut self, code: i32) {
        self.outbox.fail_with(code);
    }

    /// Identity of the outbox.
    pub const fn outbox_id(&self) -> OutboxId {
        self.outbox.outbox_id()
    }

    /// A moment that has passed, whatever the clock says.
    pub const fn earliest(&self) -> UnixMs {
        self.outbox.earliest()
    }

    /// Passages counted since this recorder was opened, in intervals that are over, by lane.
    pub fn counted(&self) -> &[u64] {
        &self.counted
    }

    /// Takes a read.
    pub fn handle_read(&mut self, read: impl Into<Sighting>) {
        self.counter.handle_read(read);
    }

    /// Takes what another device of the junction tells, and when it came, which may be a while ago: this thread waits for the disk. Where its clock or
    /// the own one is not right, it may be left out, and a vehicle counted by both.
    pub fn handle_demand(&mut self, demand: &Demand, came: &Moment) {
        if demand.device_id == self.config.device {
            return;
        }
        self.counter.handle_other_device(came.mono);
        if came.clock == ClockState::Synced && came.wall.since(demand.t).saturating_abs() > OLD_NEWS_MS {
            return;
        }
        let goes_first = demand.device_id < self.config.device;
        let name = |text: &String| text.parse::<Epc>().ok();
        for passage in &demand.passages {
            let Some(epc) = name(&passage.epc) else { continue };
            let prev = passage.prev.as_ref().and_then(name);
            let told = ToldPassage { epc, prev, counts: passage.counts };
            self.counter.handle_told(&told, goes_first, came.mono);
        }
    }

    /// What the other devices of the junction are to be told now.
    pub fn take_told(&mut self, now: MonoMs) -> Vec<DemandPassage> {
        if !self.counter.has_told() || now.since(self.told) < TELL_MS {
            return Vec::new();
        }
        self.told = now;
        let told = self.counter.take_told().into_iter();
        told.map(|passage| DemandPassage {
            epc: passage.epc.to_string(),
            prev: passage.prev.map(|prev| prev.to_string()),
            counts: passage.counts,
        })
        .collect()
    }

    /// Takes that a reader (by its place in the TOML) came up or went down, or through which of its antennas it sees.
    pub fn handle_reader(&mut self, reader: usize, antennas: impl Into<Antennas>, at: MonoMs) {
        let antennas = antennas.into();
        for (number, eye) in self.eyes.iter().enumerate().filter(|(_, eye)| eye.reader == reader) {
            self.counter.handle_reader(number, antennas.see(eye.port), at);
        }
    }

    /// Goes on under another configuration of the same junction, outbox and intervals; from `at` on its readers are down.
    pub fn reconfigure(&mut self, config: Arc<Config>, at: MonoMs) {
        self.eyes = Eye::all(&config);
        self.counter.reconfigure(config.counting.accept, Eye::lanes(&self.eyes), at);
        self.outbox.set_max_bytes(config.outbox.max_bytes);
        self.config = config;
    }

    /// Takes a finished cycle; its row is made when every passage that began in it is counted.
    pub fn handle_cycle(&mut self, cycle: CycleRecord) {
        self.cycles.push_back(cycle);
        if self.cycles.len() > MOST_WAITING_CYCLES {
            self.report_cycle();
        }
    }

    /// Takes high-resolution events.
    pub fn handle_events(&mut self, events: Vec<Event>) {
        for event in events {
            self.events.push(event);
        }
    }

    /// Takes what was lost on the way here.
    pub(super) fn handle_lost(&mut self, lost: Losses) {
        self.lost.join(lost);
    }

    /// Takes the server's answer.
    pub fn handle_ack(&mut self, ack: &Ack) {
        match self.outbox.handle_ack(ack) {
            Ok(released) if released.parked > 0 => {
                tracing::error!(rows = released.parked, rejected = ?ack.rejected, "the server rejects rows; they are kept apart");
            }
            // That it is closed is told already.
            Ok(_) | Err(OutboxError::Closed) => {}
            Err(error) => {
                tracing::error!(%error, "an ack could not be stored; the rows will be sent and answered again");
                self.note_damage(&error, self.stored);
            }
        }
    }

    /// When [`Recorder::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> MonoMs {
        let tell = self.counter.has_told().then(|| self.told + TELL_MS);
        let due = self.counter.next_timeout().min(self.flush_due());
        tell.map_or(due, |tell| tell.min(due))
    }

    /// What others wait for is stored sooner than the rest.
    fn flush_due(&self) -> MonoMs {
        let claims = self.counter.has_claims().then(|| self.stored + counting::STORE_MS);
        claims.map_or(self.next_flush, |claims| claims.min(self.next_flush))
    }

    /// Publishes intervals and flushes, as far as due; whether there may be new rows to send.
    pub fn handle_timeout(&mut self, now: &Moment) -> bool {
        self.counter.handle_timeout(now.mono);
        if now.mono < self.flush_due() {
            return false;
        }
        if now.mono >= self.next_flush {
            let flush_ms = self.config.outbox.flush_ms;
            self.next_flush = self.next_flush + flush_ms * (now.mono.since(self.next_flush) / flush_ms + 1);
        }
        self.store(now, false)
    }

    /// Stores everything that is known now, in one transaction; whether there may be new rows to send.
    pub fn flush(&mut self, now: &Moment) -> bool {
        self.store(now, true)
    }

    /// Rows to send; see [`Outbox::next`].
    pub fn rows(
        &mut self,
        room: crate::outbox::Room,
        in_flight: &BTreeSet<Seq>,
        now: &Moment,
    ) -> Vec<Outgoing> {
        let unreadable = self.outbox.unreadable();
        let rows = self.outbox.next(room, in_flight, now);
        let unreadable = self.outbox.unreadable().saturating_sub(unreadable);
        if unreadable > 0 {
            tracing::error!(
                rows = unreadable,
                "rows cannot be read any more; they are kept apart and reported as a gap"
            );
        }
        self.heed(READING, rows.as_ref().err(), now.mono);
        rows.unwrap_or_else(|error| {
            // That it is closed is told already.
            if !matches!(error, OutboxError::Closed) {
                tracing::error!(%error, "rows could not be read from the outbox; they are tried again");
            }
            Vec::new()
        })
    }

    /// Whether the disk takes nothing at present.
    pub(super) const fn fails(&self) -> bool {
        self.failing.is_some()
    }

    /// How full the outbox is, as far as it could be asked last; none when it never could.
    pub fn status(&mut self, now: &Moment) -> Option<OutboxStatus> {
        match self.outbox.status(now) {
            Ok(status) => self.status = Some(status),
            Err(OutboxError::Closed) => {}
            Err(error) => tracing::warn!(%error, "the outbox cannot be asked"),
        }
        let status = self.status.clone()?;
        Some(OutboxStatus { failure: self.failing.clone(), ..status })
    }

    fn report_cycles(&mut self) {
        let counted = self.counter.published_until();
        while self.cycles.front().is_some_and(|cycle| cycle.ended <= counted) {
            self.report_cycle();
        }
        if self.cycles.is_empty() {
            // The running cycle began at the latest when the longest possible one would have.
            let kept_since = counted - 3_600_000;
            while self.starts.front().is_some_and(|start| start.0 < kept_since) {
                self.starts.pop_front();
            }
        }
    }

    fn report_cycle(&mut self) {
        let Some(cycle) = self.cycles.pop_front() else { return };
        let row = RowBody::Cycle(rows::cycle(&self.config.junction, &cycle, &self.starts));
        self.unstored.add(row, self.boot);
        self.starts.retain(|start| start.0 >= cycle.ended);
    }
}
