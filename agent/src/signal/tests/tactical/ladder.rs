//! Whatever level decides: the limits hold, and the same input gives the same decisions.

use super::limits::{decisions, longest_greens, longest_reds, pending_plans_start, safe};
use super::world::{any_ask, ranged};
use super::*;
use flextraff_common::wire::ControlLevel;
use proptest::prelude::*;

fn levels() -> impl Strategy<Value = ControlLevel> {
    prop_oneof![Just(ControlLevel::Greedy), Just(ControlLevel::Actuated)]
}

/// The level decides in most seconds of green: it is left only where it cannot know anything.
fn it_decides(world: &World, level: ControlLevel) -> Result<(), TestCaseError> {
    let decided = world.seconds.iter().filter_map(|second| second.decision.as_ref());
    let levels: Vec<ControlLevel> = decided.map(|decision| decision.grounds.level()).collect();
    prop_assert!(levels.iter().all(|other| *other == level), "{levels:?}");
    prop_assert!(world.ranges(None).len() < 2 || !levels.is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn every_level_keeps_every_limit(level in levels(), script in scripts(ranged())) {
        let Some(world) = World::run_at(level, &script) else {
            return Err(TestCaseError::reject("no junction"))
        };
        safe(&world)?;
        longest_greens(&world)?;
        longest_reds(&world)?;
        pending_plans_start(&world)?;
        let reads = world.seconds.iter().any(|second| second.level == Some(level));
        if reads {
            it_decides(&world, level)?;
        }
        if level == ControlLevel::Greedy {
            decisions(&world)?;
        }
    }

    #[test]
    fn every_level_decides_the_same_again(level in levels(), script in scripts(ranged())) {
        let Some(world) = World::run_at(level, &script) else {
            return Err(TestCaseError::reject("no junction"))
        };
        let again = World::run_at(level, &script).expect("the same junction");
        prop_assert_eq!(&world.seconds, &again.seconds);
        prop_assert_eq!(&world.road.shown, &again.road.shown);
    }

    #[test]
    fn falling_to_the_planned_greens_keeps_the_limits(script in scripts(any_ask())) {
        let Some(world) = World::run_at(ControlLevel::Splits, &script) else {
            return Err(TestCaseError::reject("no junction"))
        };
        safe(&world)?;
        prop_assert!(world.seconds.iter().all(|second| second.decision.is_none()));
    }
}
