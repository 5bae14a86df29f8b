//! Tactical control beside those who know better: exact plans, manual overrides, emergencies, and times without any traffic known.

use super::limits::safe;
use super::world::any_ask;
use super::*;
use flextraff_common::wire::{ControllerState, Mode, StageEnd};
use proptest::prelude::*;

fn exact_greens(world: &World) -> Result<(), TestCaseError> {
    for (index, cycle) in world.road.cycles.iter().enumerate() {
        if cycle.mode == Mode::Emergency {
            continue;
        }
        let ranges = world.ranges(cycle.plan_id.as_deref());
        if cycle.mode == Mode::Automatic && ranges.values().any(|(least, most)| least < most) {
            continue;
        }
        for served in &cycle.stages {
            let exact = ranges.get(&served.stage).map(|range| range.0);
            prop_assert!(
                exact.is_some(),
                "{:?} has green in a plan that leaves it out: {cycle:?}",
                served.stage
            );
            match served.end {
                StageEnd::Plan => prop_assert_eq!(exact, Some(served.green_s as u32), "{:?}", cycle),
                StageEnd::ForceOff | StageEnd::Priority => {
                    prop_assert!(served.green_s as u32 <= exact.unwrap_or(0), "{cycle:?}");
                }
                _ => prop_assert!(false, "tactical control ended a green of exact length: {cycle:?}"),
            }
        }
        // At first those have their turn whom what ran before has kept waiting.
        let same = world.road.cycles[..=index].iter().rev().take_while(|c| c.plan_id == cycle.plan_id);
        let began = same.last().map_or(cycle.started, |first| first.started);
        let is_new = cycle.started.since(began) < i64::from(world.junction.signal.longest_red_s) * 1000;
        let in_order = cycle.stages.windows(2).all(|pair| pair[0].stage < pair[1].stage);
        prop_assert!(in_order || is_new, "{cycle:?}");
    }
    Ok(())
}

/// An emergency has its green as soon as the shortest green that runs, its clearance, and what is left of a clearance that has begun are over.
fn emergencies(world: &World) -> Result<(), TestCaseError> {
    let junction = &world.junction;
    let shortest = junction.stages().iter().map(|stage| stage.min_green_s).max().unwrap_or(0);
    let within = i64::from(2 * shortest + 3 * junction.longest_clearance_s() + 2) * 1000;
    let mut asked: Vec<_> = world.plans.iter().map(|(id, (at, mode, _))| (*at, *mode, id)).collect();
    asked.sort_unstable_by_key(|(at, ..)| *at);
    let emergencies: Vec<_> = asked.iter().filter(|(_, mode, _)| *mode == Mode::Emergency).collect();
    for (position, (came, _, id)) in emergencies.iter().enumerate() {
        let target = world.plans[*id].2.keys().next().copied();
        let deadline = *came.max(&at(0.0).mono) + within;
        let next = emergencies.get(position + 1).map_or(MonoMs(i64::MAX), |(at, ..)| *at);
        let released =
            world.releases.iter().copied().find(|release| release >= came).unwrap_or(MonoMs(i64::MAX));
        if deadline >= world.plan_ends(id).min(next).min(released) {
            continue;
        }
        let shown = &world.road.shown;
        let from = shown.partition_point(|shown| shown.at <= *came).saturating_sub(1);
        // One that follows another may find the others at the shortest greens that the longest red owes them.
        if shown[from].mode == Mode::Emergency {
            continue;
        }
        let reached = shown[from..].iter().find(|shown| {
            shown.mode == Mode::Emergency && shown.state == ControllerState::Green && shown.stage == target
        });
        let at = reached.map(|shown| shown.at);
        prop_assert!(at.is_some_and(|at| at <= deadline), "{id} of {came:?}: {at:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn plans_overrides_and_emergencies_rule_over_the_search(script in scripts(any_ask())) {
        let Some(world) = World::run(&script) else { return Err(TestCaseError::reject("no junction")) };
        safe(&world)?;
        exact_greens(&world)?;
        emergencies(&world)?;
    }
}
