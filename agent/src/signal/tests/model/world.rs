//! Controller, interlock and oracle side by side, and what may happen to them.

use super::Key;
use super::explore::asks_on;
use super::junctions::Scope;
use super::oracle::{Oracle, Rules, View};
use crate::interlock::Interlock;
use crate::signal::tests::letter;
use crate::signal::{Controller, Fallback, Lamps, SignalEvent};
use flextraff_common::junction::{Junction, LaneIx, StageIx};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{ControllerState, GreenTime, Mode};
use std::rc::Rc;
use std::sync::Arc;

/// Monday, midnight UTC, at monotonic zero.
const MIDNIGHT: UnixMs = UnixMs(1_770_595_200_000);
const HALF_A_DAY_MS: i64 = 43_200_000;

/// A signal that stands still for more than a minute is stuck, and the interlock says so.
const MOST_STILL_S: i64 = 3;
/// For how long the panel decides at most, seconds.
const PANEL_S: u32 = 3;
/// For how long an emergency vehicle asks at most, seconds.
pub(super) const VEHICLE_S: i64 = 3;

/// A junction and what may come.
#[derive(Clone)]
pub(super) struct Site {
    /// As the controller knows it.
    pub(super) junction: Arc<Junction>,
    /// As the interlock knows it: the same, unless the controller is to have a defect.
    pub(super) guarded: Arc<Junction>,
    pub(super) rules: Arc<Rules>,
    pub(super) fallback: Fallback,
    /// Any of these may come at any moment.
    pub(super) menu: Vec<GreenTime>,
    /// What the wall clock may say at any moment.
    pub(super) clocks: Vec<Clock>,
    /// Where emergency vehicles may ask, and whether there is a choice of stages for it.
    pub(super) lanes: Vec<(LaneIx, bool)>,
    /// How late the lamps may change, milliseconds.
    pub(super) lateness_ms: Vec<i64>,
    /// What else may happen.
    pub(super) scope: Scope,
    /// Within how many seconds a process ends: longer than a shortest green and what follows it, which would give way else.
    pub(super) end_s: u32,
    /// A defect between the controller and the lamps.
    pub(super) spoil: Option<fn(&mut Lamps)>,
}

impl Site {
    /// What may be kept over a restart: at most one plan of each mode, as bits of the menu.
    fn kept(&self) -> Vec<u8> {
        let one_of_each = |kept: &u8| {
            let modes: Vec<Mode> =
                (0..self.menu.len()).filter(|at| kept >> at & 1 == 1).map(|at| self.menu[at].mode).collect();
            modes.iter().enumerate().all(|(at, mode)| !modes[..at].contains(mode))
        };
        (0..1 << self.menu.len()).filter(one_of_each).collect()
    }
}

/// What the wall clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Unsynced,
    Morning,
    Evening,
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A second passes; whenever tactical control is asked it answers with this stage.
    Second { clock: Clock, answer: Option<StageIx>, late_ms: i64 },
    /// Something of the menu comes.
    Plan(usize),
    /// The loop is late, and the signal stands still for a second.
    Still,
    /// The process starts anew, with what was kept of the menu, as bits.
    Restart { kept: u8 },
    /// An emergency vehicle asks for green on a lane, for this many seconds at most, or asks no more.
    Vehicle(Option<(LaneIx, i64)>),
    /// Somebody wants flash, or no longer.
    Flash(bool),
    /// The panel in the cabinet is switched on, or off.
    Panel(bool),
    /// It asks for the next stage.
    Advance,
    /// A fault is found.
    Fault,
    /// A person at the cabinet clears it.
    Clear,
    /// The process is to end.
    End,
    /// It has ended in order and starts anew, with what was kept of the menu.
    StartInRed { kept: u8 },
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) controller: Controller,
    /// Copied as soon as it changes.
    pub(super) interlock: Rc<Interlock>,
    pub(super) oracle: Rc<Oracle>,
    pub(super) now: MonoMs,
    /// How far the interlock's time is ahead, milliseconds.
    pub(super) behind_ms: i64,
    /// For how long the signal has stood still since the lamps last changed, seconds.
    still_s: i64,
    ending: bool,
    spoil: Option<fn(&mut Lamps)>,
}

fn moment(mono: MonoMs, clock: Clock) -> Moment {
    let (state, shift_ms) = match clock {
        Clock::Unsynced => (ClockState::Unsynced, 0),
        Clock::Morning => (ClockState::Synced, 0),
        Clock::Evening => (ClockState::Synced, HALF_A_DAY_MS),
    };
    Moment { mono, wall: MIDNIGHT + (mono.0 + shift_ms), clock: state }
}

impl World {
    pub(super) fn new(site: &Site) -> Result<Self, String> {
        let now = MonoMs(0);
        let (junction, fallback) = (Arc::clone(&site.junction), site.fallback.clone());
        let mut world = Self {
            controller: Controller::new(junction, fallback, moment(now, Clock::Unsynced)),
            interlock: Rc::new(Interlock::new(&site.guarded, false)),
            oracle: Rc::new(Oracle::new(&site.rules, now)),
            now,
            behind_ms: 0,
            still_s: 0,
            ending: false,
            spoil: site.spoil,
        };
        world.pass(moment(now, Clock::Unsynced), 0)?;
        Ok(world)
    }

    pub(super) fn key(&self, site: &Site) -> Key {
        let mut key = Key::new(self.now);
        self.controller.project(&mut key, moment(self.now, Clock::Morning).wall);
        self.oracle.project(&mut key);
        // Else the interlock has seen what the oracle has.
        let Scope { late, incidents, ends, .. } = site.scope;
        if late || incidents || ends {
            key.now = self.now + self.behind_ms;
            self.interlock.project(&mut key);
            key.word(self.still_s);
            key.now = self.now;
        }
        key
    }

    /// Whether a process that is told to end does so without another green: the lamp loop looks at this.
    pub(super) fn ends_at_once(&self) -> bool {
        self.controller.starts_up() || self.controller.flashes_on_request()
    }

    /// Everything that may happen next.
    pub(super) fn acts(&self, site: &Site) -> Vec<Act> {
        let scope = site.scope;
        let second = Act::Second { clock: Clock::Unsynced, answer: None, late_ms: 0 };
        if self.controller.fault().is_some() {
            return vec![second, Act::Clear];
        }
        if self.controller.has_ended(self.now) {
            let starts = site.kept().into_iter().map(|kept| Act::StartInRed { kept });
            return std::iter::once(second).chain(starts).collect();
        }
        let mut acts = Vec::new();
        let answers = self.controller.asks();
        // The wall clock plays a part where tables do, and until it says what is left of the plans that were kept.
        let reads_clock = scope.tables || self.controller.awaits_clock();
        let clocks = if reads_clock { &site.clocks[..] } else { &site.clocks[..1] };
        for answer in std::iter::once(None).chain(answers.into_iter().map(Some)) {
            for &clock in clocks {
                let lateness = site.lateness_ms.iter();
                acts.extend(lateness.map(|&late_ms| Act::Second { clock, answer, late_ms }));
            }
        }
        acts.extend((0..site.menu.len()).map(Act::Plan));
        if scope.vehicles {
            acts.push(Act::Vehicle(None));
            acts.extend(site.lanes.iter().map(|(lane, _)| asks_on(*lane)));
        }
        if scope.cabinet {
            acts.extend([Act::Flash(true), Act::Flash(false)]);
            acts.extend([Act::Panel(true), Act::Panel(false), Act::Advance]);
        }
        if scope.incidents {
            if self.still_s < MOST_STILL_S {
                acts.push(Act::Still);
            }
            acts.extend(site.kept().into_iter().map(|kept| Act::Restart { kept }));
            acts.push(Act::Fault);
        }
        if scope.ends && !self.ending && !self.ends_at_once() {
            acts.push(Act::End);
        }
        acts
    }

    /// Lets something happen; what is wrong then.
    pub(super) fn step(&mut self, site: &Site, act: Act) -> Result<(), String> {
        match act {
            Act::Second { clock, answer, late_ms } => {
                self.now = self.now + 1000;
                self.controller.set_answer(answer);
                self.pass(moment(self.now, clock), late_ms)
            }
            Act::Plan(choice) => {
                let lamps = self.controller.shown().lamps.clone();
                self.controller.handle_plan(&site.menu[choice], moment(self.now, Clock::Unsynced));
                self.drain();
                if lamps == self.controller.shown().lamps {
                    Ok(())
                } else {
                    Err("a plan changed the lamps".to_owned())
                }
            }
            Act::Vehicle(asks) => {
                let asks = asks.map(|(lane, for_s)| (lane, self.now + for_s * 1000));
                self.controller.handle_vehicle(asks, self.now);
                self.drain();
                Ok(())
            }
            Act::Flash(wanted) => {
                self.controller.handle_flash(wanted, moment(self.now, Clock::Unsynced));
                self.pass(moment(self.now, Clock::Unsynced), 0)
            }
            Act::Still => {
                self.behind_ms += 1000;
                self.still_s += 1;
                self.check(0)
            }
            Act::Panel(on) => {
                self.controller.handle_panel(on, PANEL_S, moment(self.now, Clock::Unsynced));
                self.drain();
                Ok(())
            }
            Act::Advance => {
                self.controller.handle_advance(moment(self.now, Clock::Unsynced));
                self.drain();
                Ok(())
            }
            Act::Restart { kept } => {
                Rc::make_mut(&mut self.oracle).restart(self.now);
                self.start(site, kept, false)
            }
            Act::Fault => {
                self.controller.handle_fault("the model's", moment(self.now, Clock::Unsynced));
                Rc::make_mut(&mut self.interlock).trip("the model's");
                self.pass(moment(self.now, Clock::Unsynced), 0)
            }
            Act::Clear => {
                Rc::make_mut(&mut self.interlock).clear();
                self.controller.clear_fault(moment(self.now, Clock::Unsynced));
                Rc::make_mut(&mut self.oracle).restart(self.now);
                self.pass(moment(self.now, Clock::Unsynced), 0)
            }
            Act::End => {
                self.ending = true;
                self.controller.handle_end(site.end_s, moment(self.now, Clock::Unsynced));
                self.drain();
                Ok(())
            }
            Act::StartInRed { kept } => self.start(site, kept, true),
        }
    }

    /// A new process; `in_red`: the one before has ended in order.
    fn start(&mut self, site: &Site, kept: u8, in_red: bool) -> Result<(), String> {
        let now = moment(self.now, Clock::Unsynced);
        self.controller = Controller::new(Arc::clone(&site.junction), site.fallback.clone(), now);
        self.interlock = Rc::new(Interlock::new(&site.guarded, false));
        self.ending = false;
        if in_red {
            self.controller.start_in_red(now);
        }
        // What is shown first is looked at before the first second passes.
        self.check(0)?;
        for (_, plan) in site.menu.iter().enumerate().filter(|(at, _)| kept >> at & 1 == 1) {
            let plan = GreenTime { timestamp: Some(now.wall), ..plan.clone() };
            let restored = self.controller.restore_plan(&plan, None, now);
            restored.map_err(|problems| format!("{problems:?}"))?;
        }
        self.pass(now, 0)
    }

    fn pass(&mut self, now: Moment, late_ms: i64) -> Result<(), String> {
        let lamps = self.controller.shown().lamps.clone();
        self.controller.handle_timeout(now);
        self.drain();
        if self.controller.fault().is_some() {
            let shown = &self.controller.shown().lamps;
            let fault = shown == self.interlock.fault_lamps();
            return if fault { Ok(()) } else { Err("a fault shows another aspect".to_owned()) };
        }
        if self.controller.shown().lamps != lamps {
            self.still_s = 0;
        }
        self.check(late_ms)?;
        let (shown, lamps) = (self.controller.shown(), self.lamps());
        let promised = self.controller.promised();
        let view = View {
            lamps: &lamps,
            green: (shown.state == ControllerState::Green)
                .then_some(shown.stage)
                .flatten()
                .map(StageIx::index),
            promised: &|group| promised.contains(flextraff_common::junction::GroupIx::new(group)),
            emergency: self.controller.emergency().map(StageIx::index),
            panel: self.controller.is_by_panel(),
            alone: self.controller.is_alone(),
            runs: self.controller.runs(),
        };
        Rc::make_mut(&mut self.oracle).see(&view, now.mono)
    }

    fn check(&mut self, late_ms: i64) -> Result<(), String> {
        let at = self.now + self.behind_ms + late_ms;
        let lamps = self.lamps();
        let checked = Rc::make_mut(&mut self.interlock).check(&lamps, at);
        checked.map_err(|trip| format!("the interlock trips: {trip}"))
    }

    /// What the lamps are to show.
    fn lamps(&self) -> Lamps {
        let mut lamps = self.controller.shown().lamps.clone();
        if let Some(spoil) = self.spoil {
            spoil(&mut lamps);
        }
        lamps
    }

    fn drain(&mut self) {
        while let Some(event) = self.controller.poll() {
            if let SignalEvent::Shown(shown) = event {
                debug_assert!(shown.at <= self.now);
            }
        }
        self.controller.plan_to_keep();
    }

    /// What is shown, for a reader.
    pub(super) fn line(&self) -> String {
        let shown = self.controller.shown();
        let lamps: String = shown.lamps.iter().copied().map(letter).collect();
        let plan = shown.plan_id.as_deref().unwrap_or("-");
        let stage = shown.stage.map_or(-1, |stage| stage.index() as i64);
        let next = shown.next_stage.map_or(-1, |stage| stage.index() as i64);
        format!("{:>3} s {lamps} {:?} {stage}>{next} plan {plan}", self.now.0 / 1000, shown.state)
    }
}
