//! The state machine: one state at a time, advanced second by second.

mod coming;
mod deciding;
mod flash;
mod forecast;
mod panel;
mod preempt;
#[cfg(test)]
mod projection;
mod showing;
mod transit;
mod vehicle;

use self::coming::Coming;
use self::deciding::Deciding;
use self::flash::ToFlash;
pub use self::forecast::ComingGreen;
use self::panel::Panel;
use self::preempt::Preempting;
use self::transit::Buses;
use super::clearance::Clearance;
use super::coordination::Coordination;
use super::cycle::Recorder;
use super::event_log::EventLog;
use super::green::{Green, Verdict};
use super::plans::{Plans, same};
use super::program::Program;
use super::startup::Startup;
use super::{Fallback, Shown, SignalEvent};
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::junction::{GroupSet, Junction, LaneIx, StageIx};
use flextraff_common::plan::{MAX_PLAN_ID, Plan, PlanProblem};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{GreenTime, Mode, PlanState, PlanStatus, SignalControl, StageEnd};
use std::collections::VecDeque;
use std::sync::Arc;

/// The name that a plan had, if any, of which something was said.
#[derive(Clone, Debug)]
struct Told(Option<String>);

/// The signal controller of one junction.
///
/// Who decides, highest first: the panel in the cabinet, an emergency, a manual override, an automatic plan, the fallback. Each is a request to the same machine:
/// the shortest and longest green of a stage, its clearances and the longest red hold for all of them (an emergency may hold its stage for
/// the longest red). A plan starts when the running cycle ends; an emergency ends the present green as soon as its shortest time is over.
/// The cycles of an automatic plan with `offset_s` come to that offset while the wall clock is synchronised.
#[cfg_attr(test, derive(Clone))]
pub struct Controller {
    junction: Arc<Junction>,
    fallback: Fallback,
    plans: Plans,
    /// Plans of before a restart, until the wall clock can say whether they still count.
    restored: Vec<Arc<Plan>>,
    /// The name of the plan of which was said last that it runs or waits, until it is over.
    told: Option<Told>,
    program: Program,
    phase: Phase,
    /// Next whole second at which something may change.
    next_second: MonoMs,
    now: Moment,
    green_ended: Vec<Option<MonoMs>>,
    /// Of each group: since when those who wait at it count as waiting.
    red_since: Vec<MonoMs>,
    cycle: Recorder,
    coordination: Coordination,
    shown: Shown,
    fault: Option<String>,
    flash_wanted: bool,
    /// The lane of the emergency vehicle that asks, and until when it may.
    vehicle: Option<(LaneIx, MonoMs)>,
    /// The stage that it is to get.
    vehicle_stage: Option<StageIx>,
    /// By when the process is to end with red everywhere, if it is.
    end_by: Option<MonoMs>,
    panel: Panel,
    /// The buses that ask for priority.
    buses: Buses,
    preempting: Preempting,
    log: EventLog,
    events: VecDeque<SignalEvent>,
    keep: Option<(GreenTime, Moment)>,
    deciding: Deciding,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
enum Phase {
    Startup(Startup),
    Green(Green),
    Clearance(Clearance, Coming),
    ToFlash(ToFlash),
    Flash,
    Fault,
}

impl Controller {
    /// Begins with start-up; its first [`Shown`] waits in [`Controller::poll`].
    pub fn new(junction: Arc<Junction>, fallback: Fallback, start: Moment) -> Self {
        let startup = Startup::new(&junction, start.mono);
        let (state, lamps) = startup.show(&junction, start.mono);
        let mut coordination = Coordination::default();
        coordination.handle_clock(start);
        let (first, groups) = (start.mono.ceil_second(), junction.groups().len());
        let shown = Shown {
            at: start.mono,
            state,
            stage: None,
            next_stage: None,
            lamps,
            plan_id: None,
            mode: Mode::Automatic,
            control: SignalControl::Fallback,
            cycle_start: first,
            offset_error_ms: None,
        };
        Self {
            program: Program::fallback(fallback.stages(&junction, None), &junction),
            phase: Phase::Startup(startup),
            next_second: first,
            now: start,
            green_ended: vec![None; groups],
            red_since: vec![first; groups],
            cycle: Recorder::new(&junction, first),
            coordination,
            events: VecDeque::from([SignalEvent::Shown(shown.clone())]),
            shown,
            fault: None,
            flash_wanted: false,
            vehicle: None,
            vehicle_stage: None,
            end_by: None,
            panel: Panel::default(),
            buses: Buses::default(),
            preempting: Preempting::default(),
            log: EventLog::new(&junction),
            keep: None,
            deciding: Deciding::new(&junction),
            plans: Plans::default(),
            restored: Vec::new(),
            told: None,
            fallback,
            junction,
        }
    }

    /// Other greens for the time without a plan, from the next cycle on.
    pub fn set_fallback(&mut self, fallback: Fallback) {
        self.fallback = fallback;
    }

    /// Takes or refuses a plan; the answer says which, and [`SignalEvent::Plan`] follows when a pending one starts.
    ///
    /// A plan with the greens and the name of the running one renews its validity. An automatic plan with `ends_override` drops a manual
    /// override and an emergency.
    pub fn handle_plan(&mut self, message: &GreenTime, now: Moment) -> PlanStatus {
        self.handle_timeout(now);
        match Plan::from_green_time(message, &self.junction, now.wall) {
            Err(problems) => PlanStatus {
                plan_id: message.plan_id.as_ref().map(|id| id.chars().take(MAX_PLAN_ID).collect()),
                state: PlanState::Refused,
                reasons: problems.iter().map(ToString::to_string).collect(),
            },
            Ok(plan) => {
                self.restored.retain(|old| old.mode != plan.mode && !plan.ends_override);
                self.keep = Some((message.clone(), now));
                let runs = self.program.plan.as_ref().is_some_and(|running| same(running, &plan));
                let state = if runs { PlanState::Running } else { PlanState::Pending };
                let status = PlanStatus { plan_id: plan.id.clone(), state, reasons: Vec::new() };
                self.told = Some(Told(plan.id.clone()));
                let until = now.mono + valid_ms(&plan);
                self.plans.hold(Arc::new(plan), until);
                self.note_call(now.mono);
                status
            }
        }
    }

    /// Takes back a plan that was kept over a restart; `received`: when it had come, if that was in this uptime of the machine.
    ///
    /// Then it counts at once, for what is left of `valid_s`: the monotonic clock has run on. One of an earlier uptime counts as soon as the wall
    /// clock is synchronised, if `timestamp + valid_s` then still lies ahead. Either does only if no newer plan of its mode has come.
    ///
    /// # Errors
    /// Every rule that it breaks; the configuration may have changed.
    pub fn restore_plan(
        &mut self,
        message: &GreenTime,
        received: Option<MonoMs>,
        now: Moment,
    ) -> Result<(), Vec<PlanProblem>> {
        // Of a plan whose time nobody knows it is only certain that it came long ago.
        let came = received.map_or(UnixMs(0), |received| now.wall_at(received));
        let plan = Arc::new(Plan::from_green_time(message, &self.junction, came)?);
        if let Some(received) = received {
            let until = received + valid_ms(&plan);
            self.hold_restored(&plan, until, now.mono);
        } else {
            self.restored.retain(|old| old.mode != plan.mode);
            self.restored.push(plan);
        }
        self.handle_timeout(now);
        Ok(())
    }

    /// The last plan taken and when, once after each: what [`Controller::restore_plan`] wants back after a restart.
    pub fn plan_to_keep(&mut self) -> Option<(GreenTime, Moment)> {
        self.keep.take()
    }

    /// Shows the fault aspect at once and until it is cleared, whatever else comes. The first reason stays.
    pub fn handle_fault(&mut self, reason: &str, now: Moment) {
        if self.fault.is_some() {
            return;
        }
        self.fault = Some(reason.to_owned());
        self.end_cycle(now.mono, StageEnd::Fault);
        self.log.note_end(StageEnd::Fault);
        self.phase = Phase::Fault;
        self.show(now.mono);
    }

    /// Why the fault aspect is shown, if it is.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// The junction.
    pub fn junction(&self) -> &Junction {
        &self.junction
    }

    /// What is shown now.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Seconds that the running program gives the stage that has green.
    pub fn planned_green_s(&self) -> Option<u32> {
        match &self.phase {
            Phase::Green(green) => self.program.green_s(green.stage),
            Phase::Startup(_) | Phase::Clearance(..) | Phase::ToFlash(_) | Phase::Flash | Phase::Fault => {
                None
            }
        }
    }

    /// Who decides about the running cycle, as a sentence.
    pub fn reason(&self) -> String {
        if self.fault.is_none() && self.program.by_panel {
            return "The panel in the cabinet decides.".to_owned();
        }
        match (&self.program.plan, &self.fault) {
            (_, Some(fault)) => format!("Fault: {fault}."),
            (None, None) => "No plan holds: the fallback decides.".to_owned(),
            (Some(plan), None) => {
                let name = plan.id.as_deref().unwrap_or("without a name");
                match plan.mode {
                    Mode::Automatic => format!("Plan {name} decides."),
                    Mode::ManualOverride => format!("Manual override {name} decides."),
                    Mode::Emergency => format!("Emergency {name} decides."),
                }
            }
        }
    }

    /// The next moment at which [`Controller::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> MonoMs {
        self.next_second
    }

    /// Passes through every whole second up to and including `now`.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.now = now;
        self.coordination.handle_clock(now);
        self.take_restored();
        while self.next_second <= now.mono {
            if matches!(self.phase, Phase::Fault) {
                self.next_second = now.mono.floor_second() + 1000;
                self.events.extend(self.log.take());
                return;
            }
            self.log.handle_timeout(self.next_second);
            self.second(self.next_second);
            self.events.extend(self.log.take());
            self.next_second = self.next_second + 1000;
        }
        self.note_over(now.mono);
    }

    /// Says so when the plan of which was said last that it runs or waits does neither any more.
    fn note_over(&mut self, at: MonoMs) {
        let runs = |id: &Option<String>| self.program.plan.as_ref().is_some_and(|plan| plan.id == *id);
        let over = self.told.take_if(|Told(id)| !runs(id) && !self.plans.holds(id.as_deref(), at));
        if let Some(Told(plan_id)) = over {
            self.events.push_back(SignalEvent::PlanOver { plan_id });
        }
    }

    /// What has happened, in order of time.
    pub fn poll(&mut self) -> Option<SignalEvent> {
        self.events.pop_front()
    }

    fn second(&mut self, at: MonoMs) {
        self.note_level(at);
        self.note_call(at);
        if self.goes_to_flash(at) {
            self.show(at);
            return;
        }
        match &self.phase {
            Phase::Startup(startup) => {
                if startup.over(at) {
                    let program = self.wanted(at);
                    self.red_since.fill(at);
                    self.change(None, Coming { stage: program.first(), cycle_of: Some(program) }, at);
                }
            }
            Phase::Green(green) => {
                let green = *green;
                let verdict = self.panel_verdict(green, at).unwrap_or_else(|| self.verdict(green, at));
                match verdict {
                    Verdict::Stay if self.control() == self.shown.control => return,
                    Verdict::Stay => {}
                    Verdict::TakeOver(end) => self.take_over(green, end, at),
                    Verdict::End(end) => {
                        if end == StageEnd::ForceOff {
                            self.note_held(green, at);
                        }
                        self.end_green(green, end, at);
                    }
                }
            }
            Phase::Clearance(clearance, _) => {
                if at >= clearance.green_at {
                    self.enter_green(at);
                }
            }
            Phase::ToFlash(_) | Phase::Flash | Phase::Fault => return,
        }
        self.show(at);
    }

    /// What plans and tactical control make of a green.
    fn verdict(&mut self, green: Green, at: MonoMs) -> Verdict {
        let wanted = self.emergency_stage(at);
        if wanted.is_none() && self.decides(green, at) {
            return Verdict::Stay;
        }
        green.verdict(&self.junction, &self.program, wanted, at)
    }

    fn end_green(&mut self, green: Green, end: StageEnd, at: MonoMs) {
        let coming = self.coming(green.stage, at);
        self.go(green, end, coming, at);
    }

    /// Ends a green; a stage that follows itself keeps it.
    fn go(&mut self, green: Green, end: StageEnd, coming: Coming, at: MonoMs) {
        if coming.stage != green.stage {
            self.change(Some((green.stage, end)), coming, at);
            return;
        }
        self.cycle.green_ended(at, at, end);
        if let Some(program) = coming.cycle_of {
            self.begin_cycle(program, green.stage, at);
        }
        self.phase = Phase::Green(Green { counted_from: at, ..green });
        self.cycle.green(green.stage, at);
        self.set_latest_end();
    }

    fn take_over(&mut self, green: Green, end: StageEnd, at: MonoMs) {
        self.cycle.green_ended(at, at, end);
        let program = self.wanted(at);
        self.begin_cycle(program, green.stage, at);
        self.phase = Phase::Green(Green { counted_from: green.began, ..green });
        self.cycle.green(green.stage, at);
        self.set_latest_end();
    }

    fn change(&mut self, from: Option<(StageIx, StageEnd)>, coming: Coming, at: MonoMs) {
        let groups = |stage: StageIx| self.junction.stage(stage).groups;
        let ending = from.map_or(GroupSet::EMPTY, |(stage, _)| groups(stage).minus(groups(coming.stage)));
        for group in ending.iter() {
            self.green_ended[group.index()] = Some(at);
            self.red_since[group.index()] = at;
        }
        let stage = from.map(|(stage, _)| stage);
        let clearance = Clearance::new(&self.junction, stage, coming.stage, at, &self.green_ended);
        if let Some((_, end)) = from {
            self.log.note_end(end);
            self.cycle.green_ended(at, clearance.amber_until, end);
        }
        let immediate = clearance.green_at <= at;
        self.phase = Phase::Clearance(clearance, coming);
        if immediate {
            self.enter_green(at);
        }
    }

    fn enter_green(&mut self, at: MonoMs) {
        let Phase::Clearance(_, coming) = &mut self.phase else { return };
        let (stage, program) = (coming.stage, coming.cycle_of.take());
        if let Some(chosen) = program {
            // What came during the clearance still counts, if it begins with the same stage, and nobody whom the change has left out
            // would have waited for it.
            let newest = self.wanted(at);
            let groups = |program: &Program| program.groups(&self.junction);
            let left_out = groups(&self.program).minus(groups(&chosen));
            let fits = newest.target == chosen.target
                && (newest.first() == stage || (newest.ranged && newest.green_s(stage).is_some()))
                && groups(&newest).intersection(left_out).is_empty();
            self.begin_cycle(if fits { newest } else { chosen }, stage, at);
        }
        self.phase = Phase::Green(Green { stage, began: at, counted_from: at, latest_end: None });
        self.cycle.green(stage, at);
        self.set_latest_end();
    }

    fn set_latest_end(&mut self) {
        if let Phase::Green(green) = &mut self.phase {
            green.latest_end = self.program.latest_end(&self.junction, green.stage, &self.red_since);
        }
    }

    fn begin_cycle(&mut self, mut program: Program, stage: StageIx, at: MonoMs) {
        self.end_cycle(at, StageEnd::Plan);
        // Nobody was promised green at a group that the last cycle left out: its wait counts from now.
        let new = program.groups(&self.junction).minus(self.program.groups(&self.junction));
        new.iter().for_each(|group| self.red_since[group.index()] = at);
        self.log.handle_program(&self.junction, &program, at);
        let step = self.coordination.step;
        self.coordination.begin_cycle(&self.junction, &mut program, stage, at, self.now);
        if self.coordination.step != step {
            let state = self.coordination.step.number();
            self.log.push(Event::new(at, EventCode::CoordinationState, state));
        }
        let before = std::mem::replace(&mut self.program, program);
        // The request of a vehicle is nobody's plan.
        if let Some(plan) = self.program.plan.as_ref().filter(|_| !self.program.by_vehicle) {
            let same = before.plan.as_ref().is_some_and(|old| same(old, plan));
            if !same {
                let plan_id = plan.id.clone();
                self.told = Some(Told(plan_id.clone()));
                let status = PlanStatus { plan_id, state: PlanState::Running, reasons: Vec::new() };
                self.events.push_back(SignalEvent::Plan(status));
            }
        }
    }

    fn end_cycle(&mut self, at: MonoMs, unfinished: StageEnd) {
        let (plan_id, mode) = (self.program.plan_id(), self.program.mode());
        if let Some(mut record) = self.cycle.turn(at, unfinished, plan_id, mode) {
            record.offset_error_s = self.coordination.error_ms.map(|error_ms| error_ms as f64 / 1000.0);
            self.events.push_back(SignalEvent::CycleEnded(record));
        }
    }

    fn take_restored(&mut self) {
        if self.restored.is_empty() || self.now.clock != ClockState::Synced {
            return;
        }
        for plan in std::mem::take(&mut self.restored) {
            let left_ms = (plan.issued + valid_ms(&plan)).since(self.now.wall);
            self.hold_restored(&plan, self.now.mono + left_ms, self.now.mono);
        }
    }

    /// Holds a plan of before a restart until a moment, unless that has passed or a newer one of its mode has come.
    fn hold_restored(&mut self, plan: &Arc<Plan>, until: MonoMs, now: MonoMs) {
        // No clock makes it hold for longer than when it came.
        let until = until.min(now + valid_ms(plan));
        if until > now && self.plans.hold_if_none(plan, until) {
            let status =
                PlanStatus { plan_id: plan.id.clone(), state: PlanState::Pending, reasons: Vec::new() };
            self.told = Some(Told(plan.id.clone()));
            self.events.push_back(SignalEvent::Plan(status));
        }
    }

    /// Adds an event to the high-resolution log that neither lamps nor plans show.
    pub fn log_event(&mut self, event: Event) {
        self.log.push(event);
    }
}

/// For how long a plan holds from its receipt, milliseconds.
fn valid_ms(plan: &Plan) -> i64 {
    i64::from(plan.valid_s) * 1000
}
