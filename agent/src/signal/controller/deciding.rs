//! Tactical control of the present green: which level decides, what it decides, and what follows from that.

use super::{Coming, Controller, Green, Phase};
use crate::estimation::Traffic;
use crate::signal::panic_message;
use crate::signal::tactical::{
    self, Actuation, Calls, Decision, Found, Grounds, Guard, Ladder, Lookout, Situation,
};
use flextraff_common::epc::Epc;
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::junction::{GroupIx, GroupSet, Junction, LaneIx, StageIx, StageOrder};
use flextraff_common::time::MonoMs;
use flextraff_common::traffic::{Order, StageSet};
use flextraff_common::wire::{Aspect, ControlLevel, Mode, StageEnd, ZoneName};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What tactical control knows and what it has to say.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Deciding {
    pub(super) traffic: Option<Traffic>,
    pub(super) calls: Calls,
    ladder: Ladder,
    level: Option<ControlLevel>,
    pub(super) decision: Option<Decision>,
    defects: VecDeque<(ControlLevel, String)>,
    /// Levels that fail.
    #[cfg(test)]
    broken: Vec<ControlLevel>,
    /// What the levels answer whenever one is asked, in place of their own answer: a stage that is to go on, or to follow at once.
    #[cfg(test)]
    pub(super) answer: Option<StageIx>,
}

impl Deciding {
    pub(super) fn new(junction: &Junction) -> Self {
        Self {
            traffic: None,
            calls: Calls::new(junction.lanes().len()),
            ladder: Ladder::default(),
            level: None,
            decision: None,
            defects: VecDeque::new(),
            #[cfg(test)]
            broken: Vec::new(),
            #[cfg(test)]
            answer: None,
        }
    }
}

#[cfg(test)]
impl Deciding {
    /// Makes sure that nothing but the injected answer plays a part.
    pub(super) fn assert_idle(&self, at: MonoMs) {
        // A level that has failed rests; none decides here, so that none fails. The last decision is only told.
        let Self { traffic, calls, ladder: _, level: _, decision: _, defects, broken, answer: _ } = self;
        assert!(traffic.is_none() && !calls.are_known(at) && defects.is_empty() && broken.is_empty());
    }
}

/// A decision, and why the green ends and what follows, if it ends.
type Decided = (Decision, Option<(StageEnd, StageIx)>);

impl Controller {
    /// Takes what is known of the traffic at the next whole second; without it the levels beneath the search and the greedy rule decide.
    pub fn handle_traffic(&mut self, traffic: Traffic) {
        self.deciding.traffic = Some(traffic);
    }

    /// Takes a read of somebody who is known to be on that lane, for actuation.
    pub fn handle_read(&mut self, lane: LaneIx, zone: ZoneName, at: MonoMs) {
        self.deciding.calls.handle_read(lane, zone, at);
    }

    /// Takes a read of a tag at the stop line of a lane, for actuation, which finds out by itself on which lane it stands.
    pub fn handle_tag(&mut self, epc: Epc, lane: LaneIx, rssi: Option<f32>, at: MonoMs) {
        self.deciding.calls.handle_tag(epc, lane, rssi, at);
    }

    /// Takes that somebody presses the push button of a pedestrian head. Where it shows green nothing needs to be called.
    pub fn handle_button(&mut self, group: GroupIx, at: MonoMs) {
        self.log.push(Event::of_phase(at, EventCode::PedDetectorOn, group));
        let walks = self.shown.lamps.get(group.index()) == Some(&Aspect::Green);
        if !walks && self.deciding.calls.handle_button(group) {
            self.log.push(Event::of_phase(at, EventCode::PedCall, group));
        }
    }

    /// Pedestrian heads whose buttons were pressed since their last green.
    pub fn pedestrian_calls(&self) -> GroupSet {
        self.deciding.calls.pressed()
    }

    /// Takes whether a working reader of this device watches the stop line of each lane.
    pub fn handle_watched(&mut self, watched: &[bool]) {
        self.deciding.calls.handle_watched(watched);
    }

    /// Takes that another device of the junction watches the stop line of a lane.
    pub fn handle_told_watched(&mut self, lane: LaneIx, at: MonoMs) {
        self.deciding.calls.handle_told(lane, at);
    }

    /// Leaves out every level above one: for measuring what each of them is worth.
    pub fn set_highest_level(&mut self, level: ControlLevel) {
        self.deciding.ladder.set_highest(level);
    }

    /// The last decision of tactical control, once.
    pub fn take_decision(&mut self) -> Option<Decision> {
        self.deciding.decision.take()
    }

    /// Which level has failed and why, each once: the one beneath has taken its place.
    pub fn take_defect(&mut self) -> Option<(ControlLevel, String)> {
        self.deciding.defects.pop_front()
    }

    /// What ends greens at present; none at start-up, in overrides and emergencies, and after a fault.
    pub fn level(&self) -> Option<ControlLevel> {
        self.deciding.level.filter(|_| self.fault.is_none())
    }

    /// Lets a level fail whenever it is to decide, or work again.
    #[cfg(test)]
    pub(crate) fn set_broken(&mut self, levels: &[ControlLevel]) {
        self.deciding.broken = levels.to_vec();
    }

    /// Puts an answer in place of the levels' own, or takes it away.
    #[cfg(test)]
    pub(crate) const fn set_answer(&mut self, answer: Option<StageIx>) {
        self.deciding.answer = answer;
    }

    pub(super) fn note_level(&mut self, at: MonoMs) {
        let is_running = matches!(self.phase, Phase::Green(_) | Phase::Clearance(..));
        let decides = is_running && self.program.mode() == Mode::Automatic;
        self.deciding.level = decides.then(|| self.level_at(at));
    }

    /// Whether a level that goes by the traffic ends the greens.
    pub(super) fn is_tactical(&self) -> bool {
        self.deciding.level.is_some_and(ControlLevel::is_tactical)
    }

    fn level_at(&self, at: MonoMs) -> ControlLevel {
        #[cfg(test)]
        if self.deciding.answer.is_some() && self.program.ranged {
            return ControlLevel::RollingHorizon;
        }
        let Deciding { traffic, calls, ladder, .. } = &self.deciding;
        let found = Found {
            ranged: self.program.ranged,
            estimate: traffic.as_ref().filter(|traffic| traffic.at == at).map(Traffic::is_known),
            reads: calls.are_known(at),
            plan: self.program.plan.is_some(),
        };
        ladder.level(found, at)
    }

    /// Lets the best level that works decide about a green; `false` when none does, and it is to run as planned.
    pub(super) fn decides(&mut self, green: Green, at: MonoMs) -> bool {
        self.coordination.handle_green(&self.junction, &self.program, green.stage, at);
        loop {
            let level = self.level_at(at);
            if !level.is_tactical() {
                return false;
            }
            // A defect must not stop the lamps; it has changed nothing, so that the level beneath can go on.
            match catch_unwind(AssertUnwindSafe(|| self.decide(level, green, at))) {
                Ok(decided) => {
                    self.follow(green, decided, at);
                    return true;
                }
                Err(panic) => {
                    self.deciding.defects.push_back((level, panic_message(&*panic)));
                    self.deciding.ladder.failed(level, at);
                    self.note_level(at);
                }
            }
        }
    }

    /// The stages that are left out while nobody wants them: not those for which somebody has pressed a button.
    pub(in crate::signal) fn may_skip(&self) -> StageSet {
        let pressed = self.pedestrian_calls();
        let called = |stage: &StageIx| !self.junction.stage(*stage).groups.intersection(pressed).is_empty();
        let may = self.program.may_skip(&self.junction);
        may.minus(may.iter().filter(called).collect())
    }

    /// What a level makes of a green that may end.
    fn decide(&self, level: ControlLevel, green: Green, at: MonoMs) -> Option<Decided> {
        let junction = &*self.junction;
        let stages = self.program.order();
        let timing = self.program.timing(junction);
        let had_s = at.since(green.began) as f64 / 1000.0;
        if had_s < f64::from(junction.stage(green.stage).min_green_s) {
            return None;
        }
        #[cfg(test)]
        assert!(!self.deciding.broken.contains(&level), "a defect");
        let (red_since, green_ended) = (&self.red_since, &self.green_ended);
        let guard = Guard { junction, stages: &stages, red_since, green_ended };
        let pressing = guard.slack_s(green.stage, at);
        let bounds = self.coordination.bounds(junction, &self.program, green.stage);
        // What a plan asks for beyond the stage's own shortest green gives way to the longest red, as its exact greens do.
        let presses = pressing.is_some_and(|(slack_s, _)| slack_s < 1);
        let longest_s = (timing.max_green_s[green.stage.index()] - had_s).max(0.0);
        let held = bounds.held_until.is_some_and(|until| at < until) && longest_s > 0.0;
        let had_least = had_s >= timing.min_green_s[green.stage.index()] && !held;
        if !had_least && !presses {
            return None;
        }
        let force_off_s = bounds.force_off.map(|force_off| (force_off.since(at) as f64 / 1000.0).max(0.0));
        let latest_s = force_off_s.map_or(longest_s, |force_off_s| force_off_s.min(longest_s));
        let (stage, order) = (green.stage, junction.signal.stage_order);
        // In a fixed order; in a free one whoever waits for long enough has its turn.
        let may_skip = self.may_skip();
        let mut decision = match (level, &self.deciding.traffic) {
            #[cfg(test)]
            _ if self.deciding.answer.is_some() => self.answered(stage, latest_s, at),
            (ControlLevel::RollingHorizon, Some(traffic)) => {
                let order = Order::of(order, &stages, may_skip);
                tactical::search(&Situation { traffic, timing: &timing, order, stage, latest_s })
            }
            (ControlLevel::Greedy, Some(traffic)) => {
                let (timing, stages) = (&timing, &stages[..]);
                tactical::greedy(&Lookout { traffic, timing, stages, order, may_skip, stage, latest_s })
            }
            _ => {
                let buses = self.bus_stages(stage);
                let actuation = Actuation {
                    junction,
                    calls: &self.deciding.calls,
                    stages: &stages,
                    may_skip,
                    green_ended: &self.green_ended,
                    stage,
                    had_s,
                    latest_s,
                    planned_s: f64::from(self.program.green_s(stage).unwrap_or(0)),
                    buses: &buses,
                    may_cut: self.may_cut_for(&buses, stage, at),
                };
                actuation.decide(at)
            }
        };
        let goes = had_least && decision.best.stage != green.stage && decision.best.hold_s == 0;
        let end = if longest_s <= 0.0 {
            StageEnd::MaxOut
        } else if latest_s <= 0.0 {
            StageEnd::ForceOff
        } else if decision.grounds == Grounds::BusThere {
            StageEnd::Priority
        } else {
            StageEnd::GapOut
        };
        let mut answer = goes.then_some((end, decision.best.stage));
        if let Some((_, pressing)) = pressing {
            let late = match answer {
                Some((_, next)) => !guard.allows(green.stage, next, at),
                None => presses,
            };
            if late {
                decision.force(pressing);
                answer = Some((StageEnd::ForceOff, pressing));
            }
        }
        Some((decision, answer))
    }

    fn follow(&mut self, green: Green, decided: Option<Decided>, at: MonoMs) {
        let Some((mut decision, answer)) = decided else { return };
        let Some((end, next)) = answer else {
            self.note_bus(green, &decision, None, at);
            self.deciding.decision = Some(decision);
            return;
        };
        let coming = self.chosen(green.stage, next, at);
        let begins = coming.cycle_of.as_ref().unwrap_or(&self.program);
        if coming.stage != next && begins.green_s(next).is_some() {
            decision.force(coming.stage);
        }
        if decision.forced.is_none() {
            self.note_bus(green, &decision, Some(coming.stage), at);
        }
        self.deciding.decision = Some(decision);
        self.go(green, end, coming, at);
        self.show(at);
    }

    /// What follows a green when tactical control has chosen the next stage: a cycle ends when a stage comes again, or has lasted too long.
    fn chosen(&self, stage: StageIx, next: StageIx, at: MonoMs) -> Coming {
        let again = match self.junction.signal.stage_order {
            StageOrder::Fixed => next <= stage,
            StageOrder::Free => self.cycle.served(next),
        };
        let longest_ms = i64::from(self.junction.signal.longest_red_s) * 1000;
        if !again && at.since(self.cycle.started) < longest_ms {
            return Coming { stage: next, cycle_of: None };
        }
        let wanted = self.wanted_after(stage, at);
        // What begins may leave out what was chosen.
        let next = if wanted.green_s(next).is_some() { next } else { wanted.after(stage) };
        Coming { stage: self.in_time(&wanted, stage, next, at), cycle_of: Some(wanted) }
    }
}
