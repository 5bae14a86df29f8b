//! What the controller goes by, as a key: two controllers of one junction with the same key behave alike from here on, whatever comes.
//!
//! Times are relative to the present second, and saturate where a greater one makes no difference. What only records or explains is left
//! out, such as the name of a plan. The levels of tactical control answer as the test wants.

use super::super::green::Green;
use super::super::program::Program;
use super::super::tactical::{Choice, Decision, Grounds};
use super::{Coming, Controller, Phase, Shown};
use crate::signal::tests::model::Key;
use flextraff_common::junction::{GroupSet, Junction, LaneIx, StageIx};
use flextraff_common::plan::{Plan, StagePlan};
use flextraff_common::time::{MonoMs, UnixMs};
use flextraff_common::wire::Mode;

impl Controller {
    /// Adds what it goes by; `wall` is what a synchronised wall clock would say.
    pub(crate) fn project(&self, key: &mut Key, wall: UnixMs) {
        // A new field belongs into the key, or there is a reason why not.
        let Self {
            junction,
            fallback: _, // never changes
            plans,
            restored,
            told: _, // only tells
            program,
            phase,
            next_second,
            now: _, // each call brings its own
            green_ended,
            red_since,
            cycle,
            coordination,
            shown,
            fault,
            vehicle,
            vehicle_stage,
            flash_wanted,
            end_by,
            panel,
            buses,
            preempting: _, // only for the log
            log: _,        // only tells
            events: _,     // taken before
            keep: _,       // only kept for others
            deciding,
        } = self;
        assert_eq!(*next_second, key.now + 1000, "a key is for a whole second");
        coordination.assert_free();
        deciding.assert_idle(key.now);
        buses.assert_idle();
        if let (Some(_), Phase::ToFlash(way)) = (end_by, phase) {
            // What is about to end with red everywhere has no other green, whatever comes.
            key.word(-7);
            key.flag(fault.is_some());
            project_shown(shown, key);
            way.project(key);
            return;
        }
        key.flag(*flash_wanted);
        key.flag(end_by.is_some());
        key.left(end_by.unwrap_or(key.now));
        key.flag(fault.is_some());
        panel.project(key);
        project_shown(shown, key);
        // One whose time is over is as good as none, and so is one on a lane that no stage serves.
        let asks = vehicle.filter(|(_, until)| *until > key.now).zip(*vehicle_stage);
        key.flag(asks.is_some());
        if let Some(((lane, until), stage)) = asks {
            // Without a choice of stages every lane of the stage is the same.
            let has_choice = Self::best_stages(junction, lane).len() > 1;
            key.word(if has_choice { lane.index() as i64 } else { -1 });
            key.left(until);
            key.stage(Some(stage));
        }
        plans.project(!restored.is_empty(), key);
        key.word(restored.len() as i64);
        for plan in restored {
            key.plan(plan);
            key.word((plan.issued + i64::from(plan.valid_s) * 1000).since(wall).clamp(0, Key::FOREVER_MS));
        }
        project_program(program, key);
        project_phase(phase, program, junction, key);
        project_waiting(junction, program, phase, red_since, key);
        for group in junction.group_indexes() {
            let longest_ms = junction.longest_intergreen_ms(group).next_multiple_of(1000);
            key.age(green_ended[group.index()], i64::from(longest_ms));
        }
        // A cycle that tactical control has no say in ends where its plan says, and one that is about to begin knows nothing of the last.
        let goes_on = matches!(phase, Phase::Green(_) | Phase::Clearance(_, Coming { cycle_of: None, .. }));
        if goes_on && program.ranged {
            cycle.project(junction, i64::from(junction.signal.longest_red_s) * 1000, key);
        }
    }

    /// The groups that what runs serves, and what is decided to follow serves as well: nobody else is promised green.
    pub(crate) fn promised(&self) -> GroupSet {
        let runs = self.program.groups(&self.junction);
        match &self.phase {
            Phase::Clearance(_, Coming { cycle_of: Some(program), .. }) => {
                runs.intersection(program.groups(&self.junction))
            }
            _ => runs,
        }
    }

    /// Whether an emergency decides, or is on its way, and about which stage.
    pub(crate) fn emergency(&self) -> Option<StageIx> {
        match &self.phase {
            Phase::Clearance(_, Coming { cycle_of: Some(program), .. }) => {
                program.target.or(self.program.target)
            }
            _ => self.program.target,
        }
    }

    /// The stages of what runs, if tactical control is to be asked about a green at the next second.
    pub(crate) fn asks(&self) -> Vec<StageIx> {
        let Phase::Green(green) = &self.phase else { return Vec::new() };
        let at = self.next_second;
        // An emergency and the panel decide without it.
        if !self.program.ranged || self.emergency_stage(at).is_some() || self.panel.decides(at) {
            return Vec::new();
        }
        let mut stages = self.program.order();
        // Before the shortest green is over every answer means the same.
        if at.since(green.began) < i64::from(self.junction.stage(green.stage).min_green_s) * 1000 {
            stages.truncate(1);
        }
        stages
    }

    /// Whether it waits for a synchronised clock, to know which plans of before a restart still count.
    pub(crate) const fn awaits_clock(&self) -> bool {
        !self.restored.is_empty()
    }

    /// Lanes on which a vehicle may ask: of several that always ask for one and the same stage one, and none that no stage serves;
    /// with each whether there is a choice of stages.
    pub(crate) fn lanes_to_ask_on(junction: &Junction) -> Vec<(LaneIx, bool)> {
        let mut fixed = Vec::new();
        let differs = |lane: LaneIx| match Self::best_stages(junction, lane)[..] {
            [] => None,
            [stage] if fixed.contains(&stage) => None,
            [stage] => {
                fixed.push(stage);
                Some((lane, false))
            }
            _ => Some((lane, true)),
        };
        junction.lane_indexes().filter_map(differs).collect()
    }

    /// Whether what runs has a single stage.
    pub(crate) fn is_alone(&self) -> bool {
        self.program.stages.len() == 1
    }

    /// Whether the signal has left start-up, and has no fault.
    pub(crate) const fn runs(&self) -> bool {
        matches!(self.phase, Phase::Green(_) | Phase::Clearance(..))
    }

    /// The injected answer as a level would give it: each ends a green at its longest.
    pub(super) fn answered(&self, stage: StageIx, latest_s: f64, at: MonoMs) -> Decision {
        let wanted = self.deciding.answer.unwrap_or(stage);
        let next = if latest_s <= 0.0 && wanted == stage { self.program.after(stage) } else { wanted };
        let best = Choice { stage: next, hold_s: u32::from(next == stage), cost: f64::INFINITY };
        let alternatives = Vec::new();
        Decision { at, stage, best, alternatives, forced: None, grounds: Grounds::Rest, wish: None }
    }
}

fn project_shown(shown: &Shown, key: &mut Key) {
    let Shown {
        at: _,    // told
        state: _, // told, and the phase's
        stage,
        next_stage,
        lamps,
        plan_id: _, // the program's
        mode: _,
        control: _,         // decides whether the same is shown once more
        cycle_start: _,     // the cycle's
        offset_error_ms: _, // none
    } = shown;
    key.stage(*stage);
    key.stage(*next_stage);
    for aspect in lamps {
        key.word(*aspect as i64);
    }
}

fn project_program(program: &Program, key: &mut Key) {
    // Which plan it is, and whether a vehicle's, is told; who decides plays a part as far as the stages go.
    let Program { plan: _, stages, target, by_vehicle: _, by_panel, ranged } = program;
    key.word(program.mode() as i64);
    key.flag(*by_panel);
    key.flag(*ranged);
    // The fallback's depend on the time of day.
    key.word(stages.len() as i64);
    for planned in stages {
        key.planned(planned);
    }
    key.stage(*target);
}

fn project_phase(phase: &Phase, program: &Program, junction: &Junction, key: &mut Key) {
    match phase {
        Phase::Startup(startup) => {
            key.word(1);
            startup.project(key);
        }
        Phase::Green(Green { stage, began, counted_from, latest_end }) => {
            key.word(2);
            key.stage(Some(*stage));
            // No green has anything to do after so long, and none after its planned one for what runs.
            let own_ms = i64::from(junction.stage(*stage).max_green_s) * 1000;
            key.age(Some(*began), own_ms.max(i64::from(junction.signal.longest_red_s) * 1000));
            key.age(Some(*counted_from), i64::from(program.green_s(*stage).unwrap_or(0)) * 1000);
            key.flag(latest_end.is_some());
            key.left(latest_end.unwrap_or(key.now));
        }
        Phase::Clearance(clearance, Coming { stage, cycle_of }) => {
            key.word(3);
            key.stage(Some(*stage));
            clearance.project(key);
            key.flag(cycle_of.is_some());
            if let Some(program) = cycle_of {
                project_program(program, key);
            }
        }
        Phase::ToFlash(way) => {
            key.word(5);
            way.project(key);
        }
        Phase::Flash => key.word(6),
        Phase::Fault => key.word(4),
    }
}

/// Since when groups wait. Those that have or are about to get green begin to wait at its end, those of no program when one serves them, and
/// all of them when start-up ends.
fn project_waiting(
    junction: &Junction,
    program: &Program,
    phase: &Phase,
    red_since: &[MonoMs],
    key: &mut Key,
) {
    let stage = match phase {
        Phase::Green(green) => green.stage,
        Phase::Clearance(_, coming) => coming.stage,
        Phase::Startup(_) | Phase::ToFlash(_) | Phase::Flash | Phase::Fault => return,
    };
    let waiting = program.groups(junction).minus(junction.stage(stage).groups);
    for group in junction.group_indexes() {
        key.age(Some(red_since[group.index()]).filter(|_| waiting.contains(group)), Key::FOREVER_MS);
    }
}

impl Key {
    pub(in crate::signal) fn plan(&mut self, plan: &Plan) {
        // Which of the menu it is, and what was asked when, decides about nothing once it holds.
        let Plan { id: _, mode, offset_s, stages, valid_s: _, ends_override: _, issued: _, reason: _ } = plan;
        assert!(offset_s.is_none(), "with an offset the state would depend on the time of day");
        self.word(match mode {
            Mode::Automatic => 0,
            Mode::ManualOverride => 1,
            Mode::Emergency => 2,
        });
        self.word(stages.len() as i64);
        for planned in stages {
            self.planned(planned);
        }
    }

    fn planned(&mut self, planned: &StagePlan) {
        let StagePlan { stage, green_s, min_green_s, max_green_s } = planned;
        self.word((stage.index() as i64) << 32 | i64::from(*green_s));
        self.word(i64::from(*min_green_s) << 32 | i64::from(*max_green_s));
    }
}
