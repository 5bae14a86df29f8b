//! Coordination: the first green of each cycle comes to a common zero plus the plan's offset.
//!
//! The common zero is 1970-01-01T00:00:00Z: in step, a cycle's first green begins when the seconds since then, less `offset_s`, are a whole
//! multiple of the cycle. Who is out of step makes up for it by longer or shorter greens, the shorter way where that takes at most three
//! cycles, and never by a jump. Greens stay within their ranges: the plan's, or the stage's own where the plan has none.
//!
//! Where tactical control ends the greens it is coordinated-actuated control: the first stage is the coordinated one. Every other stage is
//! forced off when the stages after it could just have their shortest green before the coordinated one is due. That one may come early, as
//! far as its longest green allows; then it is held until its yield point, its shortest green after the time at which it was due.

use super::program::Program;
use flextraff_common::junction::{Junction, StageIx, StageOrder};
use flextraff_common::time::{ClockState, Moment, MonoMs};
use flextraff_common::wire::Mode;

/// Cycles in which a transition is over, if the ranges of the greens allow it.
const TRANSITION_CYCLES: u32 = 3;
/// A wall clock that moves by more against the monotonic one was set, milliseconds.
const CLOCK_STEP_MS: i64 = 1000;
/// For how long the wall clock must have gone on steadily before a transition begins, milliseconds: while it is being set, each cycle would
/// run after another zero.
const STEADY_MS: i64 = 10_000;

/// How the cycle stands to the common zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Not coordinated.
    #[default]
    Free,
    /// The cycle comes to the offset.
    InStep,
    /// The running cycle is longer than the plan's.
    Longer,
    /// It is shorter.
    Shorter,
}

impl State {
    /// Parameter of the event that tells it.
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Free => 0,
            Self::InStep => 1,
            Self::Longer => 2,
            Self::Shorter => 3,
        }
    }
}

/// Where the running cycle stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Coordination {
    /// Wall time minus monotonic time, milliseconds, as last seen.
    clock_ms: Option<i64>,
    /// Since when the wall clock is synchronised and was not set.
    steady_since: Option<MonoMs>,
    /// Cycles of the present transition.
    transition: u32,
    pub(super) step: State,
    /// How much later than the offset the running cycle's first green began, milliseconds.
    pub(super) error_ms: Option<i64>,
    /// Under tactical control: when the coordinated stage is due next, and until when it is held now.
    points: Option<Points>,
}

#[derive(Clone, Copy, Debug)]
struct Points {
    /// The coordinated stage.
    stage: StageIx,
    /// When its next green is due.
    due: MonoMs,
    /// Until when its present green is held.
    yields: MonoMs,
    cycle_ms: i64,
}

/// What bounds the present green under tactical control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// It does not end before.
    pub(super) held_until: Option<MonoMs>,
    /// It is forced off at the latest.
    pub(super) force_off: Option<MonoMs>,
}

impl Coordination {
    /// Follows the wall clock.
    pub(super) fn handle_clock(&mut self, now: Moment) {
        let clock_ms = now.wall.0 - now.mono.0;
        let before = self.clock_ms.replace(clock_ms);
        let was_set = before.is_some_and(|before| (clock_ms - before).abs() > CLOCK_STEP_MS);
        if now.clock != ClockState::Synced {
            self.steady_since = None;
        } else if was_set || self.steady_since.is_none() {
            self.steady_since = Some(now.mono);
        }
        if was_set || now.clock != ClockState::Synced {
            self.transition = 0;
        }
    }

    /// A cycle begins with the green of `stage`: its greens become longer or shorter where that brings it into step.
    pub(super) fn begin_cycle(
        &mut self,
        junction: &Junction,
        program: &mut Program,
        stage: StageIx,
        at: MonoMs,
        now: Moment,
    ) {
        let due = self.points.take().map(|points| points.due);
        let was = std::mem::take(&mut self.step);
        self.error_ms = None;
        let is_cyclic = !(program.ranged && junction.signal.stage_order == StageOrder::Free);
        let offset_s =
            program.plan.as_ref().filter(|plan| plan.mode == Mode::Automatic).and_then(|plan| plan.offset_s);
        let steady = self.steady_since.is_some_and(|since| at.since(since) >= STEADY_MS);
        let (Some(offset_s), true, true) = (offset_s, steady, is_cyclic) else {
            self.transition = 0;
            return;
        };
        let cycle_s = i64::from(program.cycle_s(junction));
        let position = program.stages.iter().position(|planned| planned.stage == stage).unwrap_or(0);
        let before_s: i64 = program.stages[..position]
            .iter()
            .map(|planned| {
                i64::from(planned.green_s + junction.clearance_s(planned.stage, program.after(planned.stage)))
            })
            .sum();
        // A cycle that begins in its middle begins as much after the zero.
        let since_zero_ms = now.wall_at(at).0 - (i64::from(offset_s) + before_s) * 1000;
        let error_ms = wrap(since_zero_ms, cycle_s * 1000);
        self.error_ms = Some(error_ms);
        let early = due.filter(|due| was == State::InStep && position == 0 && at <= *due && program.ranged);
        let change_s = match early {
            // Where the stages before it gave time away the coordinated green came early; that is no loss of step.
            Some(due) => due.since(at) / 1000,
            None => self.change_s(junction, program, position, error_ms / 1000, cycle_s),
        };
        self.step = match change_s {
            _ if early.is_some() => State::InStep,
            0 if error_ms.abs() < 1000 => State::InStep,
            0 => State::Free,
            1.. => State::Longer,
            _ => State::Shorter,
        };
        self.transition =
            if matches!(self.step, State::Longer | State::Shorter) { self.transition + 1 } else { 0 };
        if program.ranged {
            let planned = &program.stages[0];
            let least_ms = i64::from(planned.min_green_s) * 1000;
            let held_ms = if position == 0 { change_s.max(0) * 1000 } else { 0 };
            self.points = Some(Points {
                stage: planned.stage,
                due: at + (cycle_s - before_s + change_s) * 1000,
                yields: at + held_ms + least_ms,
                cycle_ms: cycle_s * 1000,
            });
        }
        spread(junction, program, position, change_s);
    }

    /// By how many seconds the cycle becomes longer, or shorter where negative, to come into step; `late_s`: by how much it is late.
    fn change_s(
        &self,
        junction: &Junction,
        program: &Program,
        position: usize,
        late_s: i64,
        cycle_s: i64,
    ) -> i64 {
        let (mut longer_room, mut shorter_room) = (0, 0);
        for planned in &program.stages[position..] {
            let (down, up) = rooms(junction, program, planned.stage);
            longer_room += up;
            shorter_room += down;
        }
        let shortest = program.stages.iter().map(|planned| i64::from(planned.green_s)).min().unwrap_or(0);
        let red_room = i64::from(junction.signal.longest_red_s) - (cycle_s - shortest);
        longer_room = longer_room.min(red_room.max(0));
        let shorter = late_s.rem_euclid(cycle_s);
        if shorter == 0 {
            return 0;
        }
        let longer = cycle_s - shorter;
        let cycles = |amount: i64, room: i64| if room > 0 { (amount + room - 1) / room } else { i64::MAX };
        let (by_longer, by_shorter) = (cycles(longer, longer_room), cycles(shorter, shorter_room));
        let in_time = |cycles: i64| cycles.max(i64::from(TRANSITION_CYCLES));
        if by_longer == i64::MAX && by_shorter == i64::MAX {
            return 0;
        }
        let left = i64::from(TRANSITION_CYCLES.saturating_sub(self.transition).max(1));
        let part = |amount: i64, room: i64| ((amount + left - 1) / left).min(room);
        if (in_time(by_longer), longer) < (in_time(by_shorter), shorter) {
            part(longer, longer_room)
        } else {
            -part(shorter, shorter_room)
        }
    }

    /// Lets the time pass: a coordinated green that goes on because nobody else wants one is in step when it is due again.
    pub(super) fn handle_green(
        &mut self,
        junction: &Junction,
        program: &Program,
        stage: StageIx,
        at: MonoMs,
    ) {
        let Some(points) = self.points.as_mut().filter(|points| points.stage == stage) else { return };
        if !may_rest(junction, program, stage) {
            return;
        }
        let least_ms = i64::from(program.stages[0].min_green_s) * 1000;
        while points.due <= at {
            points.yields = points.due + least_ms;
            points.due = points.due + points.cycle_ms;
        }
    }

    /// Makes sure that it plays no part: with an offset everything would depend on the time of day.
    #[cfg(test)]
    pub(super) fn assert_free(&self) {
        // The clock counts only where a plan has an offset.
        let Self { clock_ms: _, steady_since: _, transition, step, error_ms, points } = self;
        assert!(*transition == 0 && *step == State::Free && error_ms.is_none() && points.is_none());
    }

    /// What bounds the green of `stage`.
    pub(super) fn bounds(&self, junction: &Junction, program: &Program, stage: StageIx) -> Bounds {
        let Some(points) = &self.points else { return Bounds { held_until: None, force_off: None } };
        let Some(first) = program.stages.iter().find(|planned| planned.stage == points.stage) else {
            return Bounds { held_until: None, force_off: None };
        };
        let coordinated = stage == points.stage;
        // From the end of this green to the next coordinated one, with the shortest greens and with the longest that come for sure.
        let (mut least_s, mut most_s) = (0, 0);
        let mut next = points.stage;
        let others = program.stages.iter().rev().filter(|planned| planned.stage != points.stage);
        for planned in others.take_while(|planned| planned.stage > stage) {
            let clearance_s = junction.clearance_s(planned.stage, next);
            least_s += clearance_s + planned.min_green_s;
            if !junction.stage(planned.stage).skip {
                most_s += clearance_s + planned.max_green_s;
            }
            next = planned.stage;
        }
        let clearance_s = junction.clearance_s(stage, next);
        let force_off = points.due - i64::from(least_s + clearance_s) * 1000;
        // So much too early the coordinated green can still last until its yield point.
        let early_s = first.max_green_s - first.min_green_s;
        let soonest = points.due - i64::from(most_s + clearance_s + early_s) * 1000;
        let may_rest = may_rest(junction, program, stage);
        Bounds {
            held_until: Some(if coordinated { points.yields.max(soonest) } else { soonest }),
            force_off: (!coordinated || !may_rest).then_some(force_off),
        }
    }
}

/// Whether every stage but one may be left out while nobody wants it.
fn may_rest(junction: &Junction, program: &Program, stage: StageIx) -> bool {
    program.stages.iter().all(|planned| planned.stage == stage || junction.stage(planned.stage).skip)
}

/// By how much the green of a stage may become shorter and longer, seconds.
fn rooms(junction: &Junction, program: &Program, stage: StageIx) -> (i64, i64) {
    let Some(planned) = program.stages.iter().find(|planned| planned.stage == stage) else { return (0, 0) };
    let own = junction.stage(stage);
    let (least, most) = if program.ranged {
        (planned.min_green_s, planned.max_green_s)
    } else {
        (own.min_green_s, own.max_green_s)
    };
    (i64::from(planned.green_s.saturating_sub(least)), i64::from(most.saturating_sub(planned.green_s)))
}

/// Makes the greens from a position on longer or shorter, each by its part of the room that all have.
fn spread(junction: &Junction, program: &mut Program, position: usize, change_s: i64) {
    let room = |program: &Program, stage| {
        let (down, up) = rooms(junction, program, stage);
        if change_s < 0 { down } else { up }
    };
    let rooms: Vec<i64> =
        program.stages[position..].iter().map(|planned| room(program, planned.stage)).collect();
    let mut room_left: i64 = rooms.iter().sum();
    let mut left = change_s.abs().min(room_left);
    for (planned, room) in program.stages[position..].iter_mut().zip(rooms) {
        // Rounded up of what is left, so that nothing is left in the end, and never above the room.
        let part = if room_left > 0 { (left * room + room_left - 1) / room_left } else { 0 };
        let part = part.min(room).min(left);
        (left, room_left) = (left - part, room_left - room);
        let green_s = i64::from(planned.green_s) + part * change_s.signum();
        planned.green_s = u32::try_from(green_s).unwrap_or(planned.green_s);
    }
}

/// The same time of the cycle, between half a cycle before zero and half a cycle after it.
fn wrap(ms: i64, cycle_ms: i64) -> i64 {
    let late = ms.rem_euclid(cycle_ms);
    if late * 2 > cycle_ms { late - cycle_ms } else { late }
}
