//! The loop that drives the lamps, on a thread of its own: 20 times a second it lets the controller go on, asks the interlock, writes the
//! lamps and only then feeds the watchdog. It waits for nothing but its own clock tick; what belongs into the log it tells, because a log
//! that nobody takes would hold up the lamps.

mod asks;
mod cabinet;
mod messages;
mod signal_time;
mod unheard;
mod writing;

pub use asks::{LampAsk, LampsShow};
pub use messages::{LampEvent, LampInput};
pub use unheard::{Unheard, Unkept};

use super::{
    Debouncer, Frame, LampTest, LatchWriter, LatchedFault, Lateness, Lit, Output, OutputError, Pulse,
    all_red, lit_heads, show_once,
};
use crate::clock::gather;
use crate::control::Control;
use crate::identity::Sighting;
use crate::interlock::{Interlock, Trip};
use crate::reader::Read;
use crate::signal::{CycleRecord, Decision, Shown, SignalEvent, panic_message};
use flextraff_common::hires::Event;
use flextraff_common::junction::GroupKind;
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{Aspect, ControlLevel, ControllerState};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::Duration;

/// Time between two ticks, milliseconds.
pub const TICK_MS: i64 = 50;

/// By how much an end may come later than it was asked for because the signal stood still, milliseconds: to cut amber or all red short would be
/// worse, and the unit gives that much time.
const MOST_LATE_MS: i64 = 2000;

/// Longest time that an amber takes from the moment at which its green is told to end, milliseconds: 6 s, and up to a second until it begins.
const LONGEST_AMBER_MS: i64 = 8000;

/// Inputs that are taken between two ticks; what is beyond waits for the next, so that no flood of reads holds up the lamps.
const MOST_AT_ONCE: usize = 512;

/// How the loop is doing; read by others at any time.
#[derive(Debug, Default)]
pub struct LampStats {
    /// What its guard sees of it.
    pub pulse: Arc<Pulse>,
    /// The latest that a second has ever begun, milliseconds.
    pub late_max_ms: AtomicU64,
    /// Seconds for which the signal's time has stood still because the loop was late.
    pub stood_still_s: AtomicU64,
    /// Events that nobody took in time.
    pub events_dropped: AtomicU64,
    /// Reads and demand that the loop did not take in time; counted by whoever tried.
    pub reads_dropped: AtomicU64,
    /// How often the interlock has driven the fault aspect.
    pub interlock_trips: AtomicU64,
    /// How long after its tick was due each lamp vector was written.
    pub written: Lateness,
    /// How long after it came from the port each read was judged for priority, to the millisecond.
    pub judged: Lateness,
    /// Whether it is to end as soon as amber is over, whether or not it has been told to end.
    pub hurry: AtomicBool,
    /// Whether the loop has ended with every head red after all clearances.
    pub in_order: AtomicBool,
    /// Whether it ends with the present stage.
    pub ending: AtomicBool,
}

/// What the loop is made of.
pub struct LampParts {
    /// The controller and what it knows of the traffic, not yet advanced.
    pub control: Control,
    /// The interlock, which has not seen a vector yet.
    pub interlock: Interlock,
    /// The lamps.
    pub output: Box<dyn Output>,
    /// Whether the master enable is toggled in the fault aspect.
    pub enable_on_fault: bool,
    /// Whether a pin tells which cabinet this is.
    pub can_identify: bool,
    /// For how long the panel in the cabinet may decide, seconds.
    pub longest_panel_s: u32,
    /// Where a fault is kept; none: nowhere.
    pub latch: Option<LatchWriter>,
    /// A fault that was latched before this process started: the lamps begin with the fault aspect.
    pub latched: Option<String>,
    /// Whether flash was asked for before this process started: the signal stays there until somebody asks for operation.
    pub flash_asked: bool,
    /// What the loop is told; when every sender is gone it ends as in a hurry.
    pub inputs: Receiver<LampInput>,
    /// What the loop tells; never waited for.
    pub events: SyncSender<LampEvent>,
    /// How the loop is doing.
    pub stats: Arc<LampStats>,
    /// Called when it has ended with red at every head, whatever has ended it.
    pub rests: fn(),
}

/// Why the loop ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum LampError {
    /// The lamps can no longer be driven.
    #[error("the lamps can no longer be driven: {0}")]
    Output(#[from] OutputError),
    /// A defect.
    #[error("the lamp loop has failed: {0}")]
    Panicked(String),
}

/// Drives the lamps until [`LampInput::End`] or [`LampStats::hurry`]; `left` says how long it is until a moment, finer than the clock counts, and `feed` is called
/// after each vector that was written.
///
/// Whatever ends it, the last that it writes is red at every head: a process that ends cannot flash, and the unit that takes over starts with flash.
///
/// # Errors
/// When the output fails, or after a panic in the loop.
pub fn run(
    mut parts: LampParts,
    clock: &dyn Fn() -> Moment,
    left: &dyn Fn(MonoMs) -> Duration,
    feed: &mut dyn FnMut(),
) -> Result<(), LampError> {
    let groups = parts.control.controller.shown().lamps.len();
    let ended = catch_unwind(AssertUnwindSafe(|| drive(&mut parts, clock, left, feed)));
    let rest = show_once(&mut *parts.output, &all_red(groups), MonoMs(0));
    // Before the latch: a disk that takes long is no loop that hangs. Without red at every head the guard is still to act.
    if rest.is_ok() {
        parts.stats.pulse.rests.store(true, Relaxed);
        (parts.rests)();
    }
    if let Some(latch) = parts.latch.take() {
        latch.finish();
    }
    match ended {
        Ok(driven) => driven.and(rest).map_err(LampError::Output),
        Err(panic) => Err(LampError::Panicked(panic_message(&*panic))),
    }
}

fn drive(
    parts: &mut LampParts,
    clock: &dyn Fn() -> Moment,
    left: &dyn Fn(MonoMs) -> Duration,
    feed: &mut dyn FnMut(),
) -> Result<(), OutputError> {
    let flash_asked = parts.flash_asked;
    let mut lamps = LampLoop {
        written_until: parts.control.next_timeout(),
        parts,
        behind_ms: 0,
        level: None,
        written: Vec::new(),
        enable: false,
        test: None,
        identify_until: MonoMs(i64::MIN),
        shows: LampsShow::Signal,
        switches: Debouncer::default(),
        flash_asked,
        ends_at: None,
        pressed: None,
        late: None,
        failed: false,
        unkept: Cell::default(),
    };
    if let Some(reason) = lamps.parts.latched.take() {
        lamps.parts.interlock.trip(&reason);
        lamps.parts.control.controller.handle_fault(&reason, clock());
    }
    if flash_asked {
        lamps.parts.control.controller.handle_flash(true, clock());
    }
    loop {
        let now = lamps.tick(clock, feed)?;
        if lamps.is_over(now) {
            lamps.emit(LampEvent::Ended);
            return Ok(());
        }
        let now = now.mono;
        let due = now + (TICK_MS - now.0.rem_euclid(TICK_MS));
        if !lamps.take_inputs(&|| left(due), clock) {
            return Ok(());
        }
    }
}

struct LampLoop<'a> {
    parts: &'a mut LampParts,
    /// How far the controller's time is behind the clock, milliseconds; whole seconds.
    behind_ms: i64,
    /// The first second of the controller's time that no written vector has shown yet.
    written_until: MonoMs,
    /// What ends greens, as far as it was told.
    level: Option<ControlLevel>,
    /// What was written last.
    written: Vec<Lit>,
    /// Level of the master enable.
    enable: bool,
    /// The lamp test that runs.
    test: Option<LampTest>,
    /// Until when the pin that tells which cabinet this is blinks.
    identify_until: MonoMs,
    /// What the lamps show, as far as it was told.
    shows: LampsShow,
    /// What the switches in the cabinet are.
    switches: Debouncer,
    /// Whether somebody asks for flash otherwise than by the switch.
    flash_asked: bool,
    /// When the loop ends at the latest, and how far the controller's time was behind when that was said; none: nobody has asked for it.
    ends_at: Option<(MonoMs, i64)>,
    /// When it was first to end at once, by the signal's own time.
    pressed: Option<MonoMs>,
    /// That the loop was late too often, until the lamps show it.
    late: Option<Trip>,
    /// Whether the controller has failed after a fault, and is not asked any more.
    failed: bool,
    /// What was to be kept and nobody took.
    unkept: Cell<Unkept>,
}

impl LampLoop<'_> {
    /// Takes what comes until the next tick is due, and what waits by then; `false` when told to stop where it stands.
    fn take_inputs(&mut self, left: &dyn Fn() -> Duration, clock: &dyn Fn() -> Moment) -> bool {
        for _ in 0..MOST_AT_ONCE {
            match self.parts.inputs.recv_timeout(left()) {
                #[cfg(test)]
                Ok(LampInput::Stop) => return false,
                Err(RecvTimeoutError::Disconnected) => {
                    // Nobody is left who could tell it to end; greens end as always.
                    self.parts.stats.hurry.store(true, Relaxed);
                    gather(left());
                    break;
                }
                Ok(LampInput::Read(sighting)) => {
                    self.handle(LampInput::Read(sighting), clock());
                    let took_ms = clock().mono.since(sighting.read.at);
                    self.parts.stats.judged.record(1000 * took_ms.max(0).unsigned_abs());
                }
                Ok(input) => self.handle(input, clock()),
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        true
    }

    fn handle(&mut self, input: LampInput, now: Moment) {
        let signal_now = self.signal_time(now);
        match input {
            LampInput::Read(sighting) => {
                let at = self.time_of(&sighting.read);
                let is_exact = at == sighting.read.at - self.behind_ms;
                let sighting = Sighting { read: Read { at, ..sighting.read }, ..sighting };
                if is_exact {
                    self.parts.control.handle_read(sighting);
                } else {
                    self.parts.control.handle_late_read(sighting);
                }
            }
            LampInput::Reader { reader, up } => {
                self.parts.control.handle_reader(reader, up, signal_now.mono);
            }
            LampInput::Demand { junction, demand } => {
                self.parts.control.handle_demand(junction, &demand, signal_now);
            }
            LampInput::Keys(keys) => self.parts.control.handle_keys(&keys),
            LampInput::Watchlist(list) => self.parts.control.handle_watchlist(&list),
            LampInput::Plan(message) => {
                let status = self.parts.control.handle_plan(&message, signal_now);
                self.emit(LampEvent::Signal(SignalEvent::Plan(status)));
                if let Some((message, _)) = self.parts.control.controller.plan_to_keep() {
                    self.emit(LampEvent::KeepPlan { message: Box::new(message), received: now });
                }
            }
            LampInput::Restore { message, received } => {
                let received = received.map(|received| received - self.behind_ms);
                if let Err(problems) = self.parts.control.restore_plan(&message, received, signal_now) {
                    let reasons = problems.iter().map(ToString::to_string).collect();
                    self.emit(LampEvent::NotRestored { reasons });
                }
            }
            LampInput::Ask { id, ask } => {
                let answer = self.answer(ask, now, signal_now);
                self.emit(LampEvent::Answered { id, answer });
            }
            LampInput::Reconfigure { config, before } => {
                self.parts.control.reconfigure(&config, &before, signal_now.mono);
            }
            LampInput::End { longest_s } => self.begin_end(longest_s, now, signal_now),
            #[cfg(test)]
            LampInput::Stop => {}
        }
    }

    /// Ends with the present stage within a time, seconds; one that it has been told before is not made longer.
    fn begin_end(&mut self, longest_s: u32, now: Moment, signal_now: Moment) {
        let ends_at = now.mono + i64::from(longest_s) * 1000;
        if self.ends_at.is_some_and(|(before, _)| before <= ends_at) {
            return;
        }
        self.parts.stats.ending.store(true, Relaxed);
        self.ends_at = Some((ends_at, self.behind_ms));
        if !self.failed {
            self.parts.control.controller.handle_end(longest_s, signal_now);
        }
    }

    /// Whether the loop is to end, and may.
    fn is_over(&mut self, now: Moment) -> bool {
        let hurry = self.parts.stats.hurry.load(Relaxed);
        if hurry && self.ends_at.is_none() {
            self.begin_end(0, now, self.moment_of(now));
        }
        let Some((ends_at, behind_ms)) = self.ends_at else { return false };
        let ends_at = ends_at + (self.behind_ms - behind_ms).min(MOST_LATE_MS);
        // Looked at first: an end that is in order at its last moment is in order.
        let in_order = self.parts.control.controller.has_ended(now.mono - self.behind_ms);
        let stats = &self.parts.stats;
        stats.in_order.store(in_order, Relaxed);
        let is_pressing = hurry || now.mono >= ends_at;
        if in_order || self.parts.interlock.latched().is_some() || self.shows_no_green() {
            return true;
        }
        is_pressing && self.may_stop_at_once(now)
    }

    /// Whether nobody drives on green or amber any more, whose end would be cut short; the green is told to end. Nobody waits longer than an amber
    /// can take, so that a controller that stands still ends as well.
    fn may_stop_at_once(&mut self, now: Moment) -> bool {
        // By the signal's own time, which stands still where the loop is late: an amber then takes longer, too.
        let signal_now = self.moment_of(now);
        if self.pressed.is_none() {
            self.parts.control.controller.handle_end(0, signal_now);
        }
        let pressed = *self.pressed.get_or_insert(signal_now.mono);
        let shown = self.parts.control.controller.shown();
        let groups = self.parts.control.controller.junction().groups();
        let drives = groups.iter().zip(&shown.lamps).any(|(group, aspect)| {
            group.kind != GroupKind::Pedestrian && matches!(aspect, Aspect::Green | Aspect::Amber)
        });
        !drives || signal_now.mono.since(pressed) > LONGEST_AMBER_MS
    }

    /// Whether nobody has, or is about to have, green that an end would cut short.
    fn shows_no_green(&self) -> bool {
        let state = self.parts.control.controller.shown().state;
        let is_clear = matches!(state, ControllerState::Flash | ControllerState::Dark);
        is_clear || (state == ControllerState::AllRed && self.parts.control.controller.starts_up())
    }

    /// Says when it had written. `feed` comes before what is told: others may wait for that.
    fn tick(&mut self, clock: &dyn Fn() -> Moment, feed: &mut dyn FnMut()) -> Result<Moment, OutputError> {
        let now = clock();
        self.tell_unkept();
        self.look_at_lamps(now)?;
        if self.parts.interlock.latched().is_some() {
            self.tick_in_fault(now)?;
            feed();
            return Ok(clock());
        }
        let signal_now = self.signal_time(now);
        if let Some(trip) = self.late.take() {
            self.trips(&trip, now)?;
            feed();
            return Ok(clock());
        }
        self.look_at_switches(now.mono, signal_now);
        let pressed = self.parts.output.pressed();
        self.parts.control.handle_pressed(pressed, signal_now);
        self.parts.control.handle_timeout(signal_now);
        let lamps = self.parts.control.controller.shown().lamps.clone();
        let lamps = self.test_lamps(now.mono).unwrap_or(lamps);
        let checked = match &self.test {
            Some(_) => self.parts.interlock.check_test(&lamps),
            None => self.parts.interlock.check(&lamps, now.mono),
        };
        match checked.and_then(|()| self.checked_lit(&lamps, now.mono)) {
            Ok(lit) => self.write(&lamps, lit, true, now.mono)?,
            Err(trip) => self.trips(&trip, now)?,
        }
        let wrote = clock();
        feed();
        self.tell(signal_now.mono);
        // After what has happened is told, whose times go by how far the signal was behind then.
        self.note_written(now.mono, wrote.mono);
        Ok(wrote)
    }

    /// Passes on what the controller has to say, on the clock's time.
    fn tell(&mut self, signal_now: MonoMs) {
        while let Some(event) = self.parts.control.poll() {
            let event = on_the_clock(event, self.behind_ms);
            self.emit(LampEvent::Signal(event));
        }
        let level = self.parts.control.controller.level();
        if level != self.level {
            self.level = level;
            self.emit(LampEvent::Level(level));
        }
        if let Some(decision) = self.parts.control.controller.take_decision() {
            self.emit(LampEvent::Decided(Decision { at: decision.at + self.behind_ms, ..decision }));
        }
        // Its wall time is right, and everything else in it is relative to that.
        if let Some(demand) = self.parts.control.poll_demand() {
            self.emit(LampEvent::Demand(Box::new(demand)));
            if let Some(estimates) = self.parts.control.estimates(signal_now) {
                self.emit(LampEvent::Estimated(Box::new(estimates)));
            }
        }
        while let Some(reason) = self.parts.control.take_defect() {
            self.emit(LampEvent::Defect { reason });
        }
        while let Some(alarm) = self.parts.control.take_alarm() {
            self.emit(LampEvent::Alarm(alarm));
        }
    }

    fn emit(&self, event: LampEvent) {
        if let Err(TrySendError::Full(event) | TrySendError::Disconnected(event)) =
            self.parts.events.try_send(event)
        {
            self.parts.stats.events_dropped.fetch_add(1, Relaxed);
            let mut unkept = self.unkept.get();
            unkept.note(&event);
            self.unkept.set(unkept);
        }
    }

    /// Tells what was to be kept and nobody took, as soon as somebody takes it.
    fn tell_unkept(&self) {
        let unkept = self.unkept.get();
        if unkept != Unkept::default() && self.parts.events.try_send(LampEvent::Lost(unkept)).is_ok() {
            self.unkept.set(Unkept::default());
        }
    }
}

/// Times of the controller as times of the clock.
fn on_the_clock(event: SignalEvent, behind_ms: i64) -> SignalEvent {
    match event {
        SignalEvent::Shown(shown) => SignalEvent::Shown(Shown {
            at: shown.at + behind_ms,
            cycle_start: shown.cycle_start + behind_ms,
            ..shown
        }),
        SignalEvent::CycleEnded(cycle) => SignalEvent::CycleEnded(CycleRecord {
            started: cycle.started + behind_ms,
            ended: cycle.ended + behind_ms,
            ..cycle
        }),
        event @ (SignalEvent::Plan(_) | SignalEvent::PlanOver { .. }) => event,
        SignalEvent::Logged(events) => SignalEvent::Logged(
            events.into_iter().map(|event| Event { at: event.at + behind_ms, ..event }).collect(),
        ),
    }
}
