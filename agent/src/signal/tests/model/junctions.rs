//! Small junctions, every way of sharing groups among stages, and what may come at them.

use super::mix;
use super::oracle::Rules;
use super::world::{Clock, Site};
use crate::config::FallbackTable;
use crate::signal::tests::{compatible, four_way_spec, group, intergreen, lane, stage};
use crate::signal::{Controller, Fallback};
use chrono_tz::Tz;
use flextraff_common::junction::{FaultAspect, GroupKind, GroupSpec, Junction, JunctionSpec, StageOrder};
use flextraff_common::plan::Plan;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{GreenTime, Mode, StageTime};
use std::sync::Arc;

/// Every way in which groups may have green in stages, but for the groups' names: of each group in which stages it has green, as bits.
pub(super) fn sharings(stages: u32, groups: usize) -> Vec<Vec<u16>> {
    let all = (1_u16 << stages) - 1;
    let mut lists: Vec<Vec<u16>> = vec![Vec::new()];
    for _ in 0..groups {
        lists = lists
            .into_iter()
            .flat_map(|list| {
                let least = list.last().copied().unwrap_or(1);
                (least..=all).map(move |next| list.iter().copied().chain([next]).collect::<Vec<u16>>())
            })
            .collect();
    }
    lists.retain(|list| list.iter().fold(0, |any, mask| any | mask) == all);
    lists
}

/// Choices that are the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, most: u64) -> u64 {
        let mixed = mix(self.0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed % most
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// A pedestrian head with the shortest walk that there may be.
pub(super) fn pedestrian(name: &str, clearance_s: Option<f64>) -> GroupSpec {
    GroupSpec { walk_s: Some(4.0), clearance_s, ..group(name, GroupKind::Pedestrian, &[]) }
}

/// A junction with the given sharing; what else there is to choose is chosen by the dice.
pub(super) fn spec(stages: u32, sharing: &[u16], dice: &mut Dice) -> JunctionSpec {
    let name = |at: usize| format!("g{at}");
    let names: Vec<String> = (0..sharing.len()).map(name).collect();
    let mut spec = four_way_spec();
    spec.lanes = names.iter().zip(10..).map(|(name, id)| lane(name, id)).collect();
    spec.groups = names
        .iter()
        .map(|name| match dice.below(6) {
            0 | 1 => pedestrian(name, dice.chance(4).then_some(1.0)),
            2 => group(name, GroupKind::Arrow, &[name]),
            _ => group(name, GroupKind::Vehicle, &[name]),
        })
        .collect();
    // There is no signal for people on foot alone.
    if spec.groups.iter().all(|group| group.kind == GroupKind::Pedestrian) {
        spec.groups[0] = group(&names[0], GroupKind::Vehicle, &[&names[0]]);
    }
    spec.stages = (0..stages)
        .map(|at| {
            let members = names.iter().zip(sharing).filter(|(_, mask)| *mask >> at & 1 == 1);
            let mut built =
                stage(&format!("s{at}"), &members.map(|(name, _)| name.as_str()).collect::<Vec<_>>());
            let walks = spec.groups.iter().filter(|group| built.groups.contains(&group.name));
            let walk_s = walks.filter_map(|group| group.walk_s).fold(1.0, f64::max);
            built.min_green_s = if dice.chance(3) { walk_s.max(2.0) } else { walk_s };
            built.max_green_s = built.min_green_s + if dice.chance(4) { 0.0 } else { 1.0 };
            built.skip = dice.chance(2);
            built
        })
        .collect();
    spec.signal.amber_s = 1.0;
    spec.signal.all_red_s = if dice.chance(3) { 1.0 } else { 0.0 };
    spec.signal.stage_order = if dice.chance(2) { StageOrder::Free } else { StageOrder::Fixed };
    spec.signal.red_amber_s = if dice.chance(4) { 1.0 } else { 0.0 };
    spec.signal.startup_flash_s = if dice.chance(4) { 1.0 } else { 0.0 };
    spec.signal.startup_all_red_s = 0.0;
    let aspects = [FaultAspect::FlashAmber, FaultAspect::FlashRed, FaultAspect::AllRed];
    spec.signal.fault_aspect = aspects[dice.below(3) as usize];
    let loose = dice.chance(3);
    for a in 0..sharing.len() {
        for b in a + 1..sharing.len() {
            if sharing[a] & sharing[b] != 0 || (loose && dice.chance(2)) {
                spec.compatible.push(compatible(&names[a], &names[b]));
                continue;
            }
            for (from, to) in [(a, b), (b, a)] {
                if dice.chance(5) {
                    spec.intergreens.push(intergreen(
                        &names[from],
                        &names[to],
                        [1.5, 3.0][dice.below(2) as usize],
                    ));
                }
            }
        }
    }
    spec
}

/// Something for the menu that the junction takes.
fn plan(junction: &Junction, mode: Mode, id: &str, valid_s: f64, dice: &mut Dice) -> Option<GreenTime> {
    (0..30).find_map(|_| {
        let mut stages = Vec::new();
        for built in junction.stages() {
            if built.skip && dice.chance(2) {
                continue;
            }
            let between = u64::from(built.max_green_s - built.min_green_s) + 1;
            let green_s = f64::from(built.min_green_s) + dice.below(between) as f64;
            let ranged = mode == Mode::Automatic && !dice.chance(3);
            let range = |limit: u32| ranged.then_some(f64::from(limit));
            stages.push(StageTime {
                stage: built.name.clone(),
                green_s,
                min_green_s: range(if dice.chance(3) { green_s as u32 } else { built.min_green_s }),
                max_green_s: range(built.max_green_s),
            });
        }
        if mode == Mode::Emergency {
            let at = dice.below(junction.stages().len() as u64) as usize;
            let asked = junction.stages()[at].name.clone();
            stages = vec![StageTime { stage: asked, ..StageTime::default() }];
        }
        let message = GreenTime {
            junction_id: junction.id,
            plan_id: Some(id.to_owned()),
            mode,
            stages: Some(stages),
            valid_s: Some(valid_s),
            ends_override: mode == Mode::Automatic && dice.chance(4),
            ..GreenTime::default()
        };
        Plan::from_green_time(&message, junction, UnixMs(0)).is_ok().then_some(message)
    })
}

/// A junction whose longest red is as short as its stages allow, and `slack_s` longer.
pub(super) fn built(spec: &JunctionSpec, slack_s: u32) -> (Arc<Junction>, Arc<Rules>) {
    let mut junction = Junction::build(spec).expect("the model's junction keeps every rule");
    let count = junction.stages().len();
    let stages: Vec<_> = junction.stage_indexes().collect();
    let after = |at: usize| junction.clearance_s(stages[at], stages[(at + 1) % count]);
    let round: u32 = (0..count).map(|at| junction.stages()[at].min_green_s + after(at)).sum();
    junction.signal.longest_red_s = round + slack_s;
    let rules = Rules::of(spec, junction.signal.longest_red_s);
    (Arc::new(junction), Arc::new(rules))
}

/// What may happen at a site.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// How many automatic plans, overrides and emergencies.
    pub(super) plans: (usize, usize, usize),
    /// Whether tables of the fallback come and go with the wall clock.
    pub(super) tables: bool,
    /// Whether the lamps may be late.
    pub(super) late: bool,
    /// Whether the signal may stand still, the process start anew, a fault be found and cleared.
    pub(super) incidents: bool,
    /// Whether emergency vehicles may ask.
    pub(super) vehicles: bool,
    /// Whether somebody at the cabinet goes from stage to stage, or wants flash.
    pub(super) cabinet: bool,
    /// Whether the process may end in order and start in red.
    pub(super) ends: bool,
}

impl Scope {
    /// Some plans, and nothing else.
    pub(super) const fn of(automatic: usize, manual: usize, emergency: usize) -> Self {
        let (tables, late, incidents, vehicles) = (false, false, false, false);
        let plans = (automatic, manual, emergency);
        Self { plans, tables, late, incidents, vehicles, cabinet: false, ends: false }
    }

    /// Whether all that may happen in the other may happen here.
    pub(super) const fn includes(&self, other: &Self) -> bool {
        let Self { plans, tables, late, incidents, vehicles, cabinet, ends } = *other;
        self.plans.0 >= plans.0
            && self.plans.1 >= plans.1
            && self.plans.2 >= plans.2
            && self.tables >= tables
            && self.late >= late
            && self.incidents >= incidents
            && self.vehicles >= vehicles
            && self.cabinet >= cabinet
            && self.ends >= ends
    }
}

pub(super) fn site(stages: u32, sharing: &[u16], scope: Scope, dice: &mut Dice) -> Site {
    site_with(1.0, stages, sharing, scope, dice)
}

/// The same with another amber than that of a second.
pub(super) fn site_with(amber_s: f64, stages: u32, sharing: &[u16], scope: Scope, dice: &mut Dice) -> Site {
    let mut spec = spec(stages, sharing, dice);
    spec.signal.amber_s = amber_s;
    spec.intergreens.iter_mut().for_each(|row| row.seconds = row.seconds.max(amber_s));
    let (junction, rules) = built(&spec, dice.below(4) as u32);
    furnished(junction, rules, scope, dice)
}

/// Whether it is an emergency for a stage with the groups of another.
fn asks_for_a_double(junction: &Junction, message: &GreenTime) -> bool {
    let asked = message.stages.iter().flatten().next();
    let asked = asked.and_then(|time| junction.stage_named(&time.stage)).map(|ix| junction.stage(ix).groups);
    let same = junction.stages().iter().filter(|stage| Some(stage.groups) == asked).count();
    message.mode == Mode::Emergency && same > 1
}

/// A junction with what may come.
pub(super) fn furnished(junction: Arc<Junction>, rules: Arc<Rules>, scope: Scope, dice: &mut Dice) -> Site {
    let mut menu = Vec::new();
    let (automatic, manual, emergency) = scope.plans;
    let kinds = [
        (Mode::Automatic, "P", automatic),
        (Mode::ManualOverride, "M", manual),
        (Mode::Emergency, "E", emergency),
    ];
    for (mode, letter, count) in kinds {
        for number in 0..count {
            let valid_s = [if mode == Mode::Emergency { 900.0 } else { 3600.0 }, 2.0, 3.0];
            let valid_s = valid_s[dice.below(3) as usize];
            menu.extend(plan(&junction, mode, &format!("{letter}{number}"), valid_s, dice));
        }
    }
    if scope.vehicles {
        // An operator and a vehicle that take turns to ask for two stages of the same groups hold the others; the interlock takes it for stuck.
        menu.retain(|message| !asks_for_a_double(&junction, message));
    }
    let mut table = |from_min: u16| {
        let mut green = |skip: bool, least: u32| if skip && dice.chance(2) { 0 } else { least };
        let greens = junction.stages().iter().map(|stage| green(stage.skip, stage.min_green_s)).collect();
        FallbackTable { days: [true; 7], from_min, to_min: (from_min + 720) % 1440, greens }
    };
    let tables = if scope.tables { vec![table(0), table(720)] } else { Vec::new() };
    let clocks = match (scope.tables, scope.incidents || scope.ends) {
        (true, _) => vec![Clock::Unsynced, Clock::Morning, Clock::Evening],
        // What was kept over a restart counts once the clock is synchronised.
        (false, true) => vec![Clock::Unsynced, Clock::Morning],
        (false, false) => vec![Clock::Unsynced],
    };
    Site {
        guarded: Arc::clone(&junction),
        end_s: junction.longest_end_s(),
        lanes: Controller::lanes_to_ask_on(&junction),
        junction,
        rules,
        fallback: Fallback::new(tables, Tz::UTC),
        menu,
        clocks,
        lateness_ms: if scope.late { vec![0, 250] } else { vec![0] },
        scope,
        spoil: None,
    }
}
