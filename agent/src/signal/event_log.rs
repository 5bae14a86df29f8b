//! The high-resolution log of the signal: what changes from one lamp vector and one program to the next, as events.

use super::program::Program;
use super::{Lamps, SignalEvent};
use flextraff_common::hires::{Event, EventCode, FlashState, alarm, pattern};
use flextraff_common::junction::{GroupIx, GroupKind, Junction, StageIx};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, ControllerState, Mode, StageEnd};

/// What is known of the last vector and the last program.
#[derive(Clone, Debug)]
pub(super) struct EventLog {
    phases: Vec<Phase>,
    flash: Option<FlashState>,
    alarms: u32,
    program: Option<Logged>,
    /// Why the greens of the next change end.
    end: Option<StageEnd>,
    events: Vec<Event>,
}

/// A signal group.
#[derive(Clone, Copy, Debug)]
struct Phase {
    shows: Aspect,
    /// When its shortest green is over; none: it is, or there is no green.
    minimum_until: Option<MonoMs>,
    /// Whether it waits in red until the next green may start.
    clears: bool,
    /// When the crossing is clear.
    walks_until: Option<MonoMs>,
}

/// What was logged of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Logged {
    pattern: u32,
    cycle_s: u32,
    offset_s: u32,
    splits: Vec<u32>,
    manual: bool,
}

/// What the controller shows and does, as far as the log needs it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) junction: &'a Junction,
    pub(super) lamps: &'a Lamps,
    pub(super) state: ControllerState,
    /// The stage that has green or gets it.
    pub(super) coming: Option<StageIx>,
    pub(super) flash: FlashState,
}

impl EventLog {
    pub(super) fn new(junction: &Junction) -> Self {
        let dark = Phase { shows: Aspect::Dark, minimum_until: None, clears: false, walks_until: None };
        Self {
            phases: vec![dark; junction.groups().len()],
            flash: None,
            alarms: 0,
            program: None,
            end: None,
            events: Vec::new(),
        }
    }

    /// Adds an event that is not seen in lamps or program.
    pub(super) fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Takes why the greens of the next change end.
    pub(super) fn note_end(&mut self, end: StageEnd) {
        self.end = Some(end);
    }

    /// What has happened since the last call, in order of time.
    pub(super) fn take(&mut self) -> Option<SignalEvent> {
        // What became due between two seconds is noticed at the second one.
        self.events.sort_by_key(|event| event.at);
        (!self.events.is_empty()).then(|| SignalEvent::Logged(std::mem::take(&mut self.events)))
    }

    /// Lets the time pass.
    pub(super) fn handle_timeout(&mut self, at: MonoMs) {
        for (ix, phase) in self.phases.iter_mut().enumerate() {
            let group = GroupIx::new(ix);
            let due = |until: &mut Option<MonoMs>| until.take_if(|until| *until <= at);
            if let Some(until) = due(&mut phase.minimum_until) {
                self.events.push(Event::of_phase(until, EventCode::MinimumComplete, group));
            }
            if let Some(until) = due(&mut phase.walks_until) {
                self.events.push(Event::of_phase(until, EventCode::DontWalk, group));
            }
        }
    }

    /// Takes what is shown from now on.
    pub(super) fn handle_lamps(&mut self, view: View<'_>, at: MonoMs) {
        self.handle_timeout(at);
        if self.flash.replace(view.flash) != Some(view.flash) {
            self.events.push(Event::new(at, EventCode::UnitFlash, view.flash as u32));
        }
        let alarms = match view.flash {
            FlashState::FaultMonitor => alarm::MMU_FLASH,
            FlashState::LocalManual => alarm::LOCAL_FLASH,
            FlashState::NotFlashing | FlashState::Startup => 0,
        };
        if std::mem::replace(&mut self.alarms, alarms) != alarms {
            self.events.push(Event::new(at, EventCode::UnitAlarm, alarms));
        }
        let end = self.end.take();
        for (ix, &aspect) in view.lamps.iter().enumerate() {
            let group = GroupIx::new(ix);
            if view.junction.group(group).kind == GroupKind::Pedestrian {
                self.walk(view, group, aspect, at);
            } else {
                self.drive(view, group, aspect, end, at);
            }
        }
    }

    fn drive(&mut self, view: View<'_>, group: GroupIx, aspect: Aspect, end: Option<StageEnd>, at: MonoMs) {
        let phase = &mut self.phases[group.index()];
        let mut log = |code| self.events.push(Event::of_phase(at, code, group));
        let was = std::mem::replace(&mut phase.shows, aspect);
        let clearing = matches!(
            view.state,
            ControllerState::Amber | ControllerState::AllRed | ControllerState::RedAmber
        ) && view.flash == FlashState::NotFlashing;
        if was == Aspect::Green && aspect != Aspect::Green {
            phase.minimum_until = None;
            if let Some(code) = end.and_then(end_code) {
                log(code);
            }
            log(EventCode::GreenTermination);
        }
        if was != Aspect::Amber && aspect == Aspect::Amber {
            log(EventCode::BeginAmber);
        }
        if was == Aspect::Amber && aspect != Aspect::Amber {
            log(EventCode::EndAmber);
        }
        let ended =
            matches!(was, Aspect::Green | Aspect::Amber) && !matches!(aspect, Aspect::Green | Aspect::Amber);
        if ended && clearing && aspect == Aspect::Red {
            log(EventCode::BeginRedClearance);
            phase.clears = true;
        } else if ended {
            log(EventCode::PhaseInactive);
        } else if phase.clears && (!clearing || aspect == Aspect::Green) {
            phase.clears = false;
            log(EventCode::EndRedClearance);
            log(EventCode::PhaseInactive);
        }
        if was != Aspect::Green && aspect == Aspect::Green {
            let least_s = view.coming.map_or(0, |stage| view.junction.stage(stage).min_green_s);
            phase.minimum_until = Some(at + i64::from(least_s) * 1000);
            log(EventCode::PhaseOn);
            log(EventCode::BeginGreen);
        }
    }

    fn walk(&mut self, view: View<'_>, group: GroupIx, aspect: Aspect, at: MonoMs) {
        let phase = &mut self.phases[group.index()];
        let mut log = |code| self.events.push(Event::of_phase(at, code, group));
        let was = std::mem::replace(&mut phase.shows, aspect);
        match (was == Aspect::Green, aspect == Aspect::Green) {
            (false, true) => {
                phase.walks_until = None;
                log(EventCode::Walk);
            }
            (true, false) => {
                log(EventCode::PedClearance);
                let clear = at + i64::from(view.junction.group(group).clearance_ms);
                if clear > at {
                    phase.walks_until = Some(clear);
                } else {
                    log(EventCode::DontWalk);
                }
            }
            _ => {}
        }
    }

    /// Takes what runs from now on.
    pub(super) fn handle_program(&mut self, junction: &Junction, program: &Program, at: MonoMs) {
        let splits = splits(junction, program);
        let logged = Logged {
            pattern: pattern(program.plan.as_ref().map(|plan| plan.id.as_deref().unwrap_or_default())),
            cycle_s: program.cycle_s(junction),
            offset_s: program.plan.as_ref().and_then(|plan| plan.offset_s).unwrap_or(0),
            splits,
            manual: program.mode() == Mode::ManualOverride,
        };
        let Some(before) = self.program.replace(logged.clone()) else {
            self.log_program(None, &logged, at);
            return;
        };
        self.log_program(Some(&before), &logged, at);
    }

    fn log_program(&mut self, before: Option<&Logged>, now: &Logged, at: MonoMs) {
        let mut changed = |code, old: Option<u32>, new: u32| {
            if old != Some(new) {
                self.events.push(Event::new(at, code, new));
            }
        };
        let manual = u32::from(now.manual);
        changed(EventCode::ManualControl, Some(before.map_or(0, |before| u32::from(before.manual))), manual);
        changed(EventCode::PatternChange, before.map(|before| before.pattern), now.pattern);
        changed(EventCode::CycleLengthChange, before.map(|before| before.cycle_s), now.cycle_s);
        changed(EventCode::OffsetChange, before.map(|before| before.offset_s), now.offset_s);
        for (ix, &split) in now.splits.iter().enumerate() {
            if before.and_then(|before| before.splits.get(ix)) != Some(&split) {
                self.events.extend(Event::split(at, GroupIx::new(ix), split));
            }
        }
    }
}

const fn end_code(end: StageEnd) -> Option<EventCode> {
    match end {
        StageEnd::GapOut => Some(EventCode::GapOut),
        StageEnd::MaxOut => Some(EventCode::MaxOut),
        StageEnd::Plan | StageEnd::ForceOff | StageEnd::Priority | StageEnd::Manual => {
            Some(EventCode::ForceOff)
        }
        StageEnd::Fault => None,
    }
}

/// Share of each group in the cycle, seconds: the greens of its stages with the clearances that follow them.
fn splits(junction: &Junction, program: &Program) -> Vec<u32> {
    let share = |group: GroupIx| {
        let stages =
            program.stages.iter().filter(|planned| junction.stage(planned.stage).groups.contains(group));
        stages
            .map(|planned| {
                planned.green_s + junction.clearance_s(planned.stage, program.after(planned.stage))
            })
            .sum()
    };
    junction.group_indexes().map(share).collect()
}
