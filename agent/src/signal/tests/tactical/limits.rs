//! Tactical control alone, within the fallback's ranges and those of plans.

use super::world::ranged;
use super::*;
use crate::interlock::Interlock;
use crate::signal::Forced;
use flextraff_common::junction::{GroupSet, StageIx};
use flextraff_common::traffic::StageSet;
use flextraff_common::wire::{ControlLevel, ControllerState};
use proptest::prelude::*;

/// Lamps as an observer and the interlock see them.
pub(super) fn safe(world: &World) -> Result<(), TestCaseError> {
    let mut observer = Observer::new(&world.junction);
    let mut interlock = Interlock::new(&world.junction, false);
    for shown in &world.road.shown {
        observer.see(shown)?;
        prop_assert_eq!(interlock.check(&shown.lamps, shown.at), Ok(()));
    }
    Ok(())
}

pub(super) fn longest_greens(world: &World) -> Result<(), TestCaseError> {
    for (stage, from, to, last) in world.greens() {
        let ranges = world.ranges(last.plan_id.as_deref());
        let Some((_, most)) = ranges.get(&stage).filter(|_| ranges.len() > 1) else { continue };
        let had = to.since(from) / 1000;
        prop_assert!(
            had <= i64::from(*most),
            "{} has green for {had} s of {most} s from {from:?}",
            stage.index()
        );
    }
    Ok(())
}

/// From the end of a group's green, or from when what runs began to serve it, to its next green. Who is left out by what comes next is promised
/// nothing from the beginning of the change to it.
pub(super) fn longest_reds(world: &World) -> Result<(), TestCaseError> {
    let longest = i64::from(world.junction.signal.longest_red_s) * 1000;
    let begins = world.road.shown.iter().find(|shown| shown.next_stage.is_some() || shown.stage.is_some());
    let Some(first) = begins else { return Ok(()) };
    let mut red_since = vec![Some(first.at); world.junction.groups().len()];
    let mut plan_id = None;
    for (index, shown) in world.road.shown.iter().enumerate().filter(|(_, shown)| shown.at >= first.at) {
        if shown.plan_id.as_deref() != plan_id {
            let new = world.groups(shown.plan_id.as_deref()).minus(world.groups(plan_id));
            new.iter().for_each(|group| red_since[group.index()] = Some(shown.at));
            plan_id = shown.plan_id.as_deref();
        }
        let begins = world.road.shown[index..].iter().find(|shown| shown.state == ControllerState::Green);
        let goes_on = begins.map_or(GroupSet::EMPTY, |shown| world.groups(shown.plan_id.as_deref()));
        for group in world.groups(plan_id).intersection(goes_on).iter() {
            match (shown.lamps[group.index()] == Aspect::Green, red_since[group.index()]) {
                (true, _) => red_since[group.index()] = None,
                (false, None) => red_since[group.index()] = Some(shown.at),
                (false, Some(since)) => {
                    let red = shown.at.since(since);
                    prop_assert!(red < longest, "group {} red for {red} ms at {:?}", group.index(), shown.at);
                }
            }
        }
        // Groups that only an earlier program served may just have ended.
        for (group, aspect) in shown.lamps.iter().enumerate() {
            match (*aspect == Aspect::Green, red_since[group]) {
                (true, _) => red_since[group] = None,
                (false, None) => red_since[group] = Some(shown.at),
                _ => {}
            }
        }
    }
    Ok(())
}

/// A decision for each second of green from the shortest on, and the lamps follow it.
pub(super) fn decisions(world: &World) -> Result<(), TestCaseError> {
    let mut began = None;
    for (index, second) in world.seconds.iter().enumerate() {
        let before = &second.before;
        let green = before.stage.filter(|_| before.state == ControllerState::Green);
        if began.is_none_or(|(stage, _)| Some(stage) != green) {
            began = green.map(|stage| (stage, before.at));
        }
        let Some((stage, since)) = began else {
            prop_assert_eq!(&second.decision, &None);
            continue;
        };
        let ranges = world.ranges(before.plan_id.as_deref());
        let least = ranges.get(&stage).map_or(world.junction.stage(stage).min_green_s, |range| range.0);
        let is_due = second.at.since(since) >= i64::from(least) * 1000;
        let tactical = ranges.len() > 1 && ranges.values().any(|(least, most)| least < most);
        let Some(decision) = &second.decision else {
            prop_assert!(!(is_due && tactical), "no decision at {:?}", second.at);
            continue;
        };
        prop_assert!(tactical);
        prop_assert_eq!((decision.at, decision.stage), (second.at, stage));
        prop_assert!(is_due || decision.forced == Some(Forced::LongestRed));
        prop_assert!(!decision.best.cost.is_nan());
        prop_assert!(decision.alternatives.iter().all(|other| other.stage != decision.best.stage));
        prop_assert!(decision.alternatives.is_sorted_by(|a, b| a.cost <= b.cost));
        let sentence = decision.sentence(&world.junction);
        prop_assert!(sentence.ends_with('.') && !sentence.contains("inf"), "{sentence}");
        let goes = decision.best.stage != stage && decision.best.hold_s == 0;
        let after = world.seconds.get(index + 1).map_or(world.road.controller.shown(), |next| &next.before);
        let went = after.state != ControllerState::Green || after.stage != Some(stage);
        let newest = world.newest(second.at);
        let left_out = !world.ranges(newest).contains_key(&decision.best.stage);
        prop_assert!(goes == went || (goes && left_out), "at {:?}: {decision:?}", second.at);
        if goes {
            let coming = after.next_stage.or(after.stage);
            prop_assert!(coming == Some(decision.best.stage) || left_out, "to {coming:?} at {:?}", second.at);
            order(world, second, stage, decision.best.stage, decision.forced)?;
        }
    }
    Ok(())
}

/// In a fixed order only stages are left out that may be and at which nobody waits, unless somebody else has waited as long as may be.
fn order(
    world: &World,
    second: &world::Second,
    from: StageIx,
    to: StageIx,
    forced: Option<Forced>,
) -> Result<(), TestCaseError> {
    let fixed = world.junction.signal.stage_order == flextraff_common::junction::StageOrder::Fixed;
    // Actuation goes by reads rather than by the estimate.
    let actuated = second.level == Some(ControlLevel::Actuated);
    if !fixed || actuated || forced == Some(Forced::LongestRed) {
        return Ok(());
    }
    let traffic = second.traffic.as_ref().expect("a decision has its traffic");
    let served: StageSet = world.ranges(second.before.plan_id.as_deref()).into_keys().collect();
    let count = world.junction.stages().len();
    for ahead in (1..count).map(|step| StageIx::new((from.index() + step) % count)) {
        if ahead == to {
            return Ok(());
        }
        let waits = traffic.lanes.iter().any(|lane| {
            let head = lane.queue.arrivals.first();
            head.is_some_and(|head| head.at_s <= 0.0 && head.stages.contains(ahead))
        });
        let nobody = !(0..count).map(StageIx::new).any(|stage| {
            stage != from
                && served.contains(stage)
                && traffic.lanes.iter().any(|lane| {
                    lane.queue
                        .arrivals
                        .first()
                        .is_some_and(|head| head.at_s <= 0.0 && head.stages.contains(stage))
                })
        });
        prop_assert!(
            !served.contains(ahead)
                || (world.junction.stage(ahead).skip && !waits && !(nobody && world.junction.stage(to).skip)),
            "{from:?} to {to:?} leaves out {ahead:?}"
        );
    }
    Ok(())
}

/// The newest of the plans that wait starts when the cycle ends, which takes no longer than the longest red and the green that then still runs.
pub(super) fn pending_plans_start(world: &World) -> Result<(), TestCaseError> {
    let times = &world.junction.signal;
    let most = world.junction.stages().iter().map(|stage| stage.max_green_s).max().unwrap_or(0);
    let within = i64::from(times.longest_red_s + most + world.junction.longest_clearance_s()) * 1000;
    let mut arrivals: Vec<_> = world.plans.iter().map(|(id, (at, ..))| (*at, id)).collect();
    arrivals.sort_unstable();
    for (position, (came, id)) in arrivals.iter().enumerate() {
        let replaced = arrivals.get(position + 1).map_or(MonoMs(i64::MAX), |(at, _)| *at);
        let ends = world.seconds.last().map_or(MonoMs(0), |second| second.at);
        let valid_until = world.plan_ends(id);
        let latest = *came.max(&MonoMs(0)) + within;
        if latest < replaced.min(ends).min(valid_until) {
            let runs = world.road.shown.iter().find(|shown| shown.plan_id.as_ref() == Some(id));
            prop_assert!(
                runs.is_some_and(|shown| shown.at <= latest),
                "{id} of {came:?}: {:?}",
                runs.map(|shown| shown.at)
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn tactical_control_keeps_every_limit(script in scripts(ranged())) {
        let Some(world) = World::run(&script) else { return Err(TestCaseError::reject("no junction")) };
        safe(&world)?;
        longest_greens(&world)?;
        longest_reds(&world)?;
        decisions(&world)?;
        pending_plans_start(&world)?;
    }

    #[test]
    fn the_same_traffic_gives_the_same_decisions(script in scripts(ranged())) {
        let Some(world) = World::run(&script) else { return Err(TestCaseError::reject("no junction")) };
        let again = World::run(&script).expect("the same junction");
        prop_assert_eq!(&world.seconds, &again.seconds);
        prop_assert_eq!(&world.road.shown, &again.road.shown);
        prop_assert_eq!(&world.road.cycles, &again.road.cycles);
    }
}
