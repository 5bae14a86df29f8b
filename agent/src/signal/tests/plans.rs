use super::*;
use crate::config::FallbackTable;
use flextraff_common::wire::{Mode, PlanState, StageEnd};
use std::collections::BTreeMap;

const SHORT: &str = r#"{"lane_times": [15, 15, 15, 15], "plan_id": "short", "valid_s": 600}"#;
const LONG: &str = r#"{"lane_times": [45, 45, 45, 45], "plan_id": "long", "valid_s": 600}"#;
const OVERRIDE: &str =
    r#"{"lane_times": [25, 15, 15, 15], "mode": "manual_override", "plan_id": "hand", "valid_s": 100}"#;
const RELEASE: &str =
    r#"{"lane_times": [15, 15, 15, 15], "plan_id": "short", "valid_s": 600, "ends_override": true}"#;

fn runs(road: &Road) -> Vec<(Option<&str>, Mode, i64)> {
    road.cycles
        .iter()
        .map(|cycle| (cycle.plan_id.as_deref(), cycle.mode, cycle.ended.since(cycle.started) / 1000))
        .collect()
}

fn started(road: &Road) -> Vec<&str> {
    assert!(road.statuses.iter().all(|status| status.state == PlanState::Running));
    road.statuses.iter().filter_map(|status| status.plan_id.as_deref()).collect()
}

#[test]
fn a_plan_starts_when_the_running_cycle_ends() {
    let mut road = Road::new(four_way());
    road.run(at(10.0));
    assert_eq!(road.plan(SHORT, at(10.2)).state, PlanState::Pending);
    road.run(at(119.9));
    assert!(road.statuses.is_empty());
    road.run(at(200.0));
    assert_eq!(started(&road), ["short"]);
    assert_eq!(road.greens(0.0)[..6], ["0 N", "30 S", "60 E", "90 W", "120 N", "135 S"]);
    assert_eq!(runs(&road), [(None, Mode::Automatic, 120), (Some("short"), Mode::Automatic, 60)]);
    let shown = road.shown.iter().find(|shown| shown.at == at(135.0).mono).expect("S has green at 135");
    assert_eq!((shown.plan_id.as_deref(), shown.cycle_start), (Some("short"), at(120.0).mono));
    assert_eq!(shown.cycle_second(at(140.9).mono), 20);
}

#[test]
fn a_plan_that_comes_in_the_last_clearance_still_starts_with_the_next_cycle() {
    let mut road = Road::new(four_way());
    road.plan(SHORT, at(117.5));
    road.run(at(180.0));
    assert_eq!(started(&road), ["short"]);
    assert_eq!(runs(&road)[1], (Some("short"), Mode::Automatic, 60));
}

#[test]
fn the_newest_of_two_pending_plans_runs_and_the_same_again_renews() {
    let mut road = Road::new(four_way());
    road.plan(LONG, at(1.0));
    road.plan(SHORT, at(2.0));
    road.run(at(150.0));
    assert_eq!(started(&road), ["short"]);
    assert_eq!(road.plan(SHORT, at(500.0)).state, PlanState::Running);
    road.run(at(1080.0));
    assert!(
        runs(&road)[1..].iter().all(|run| run.0 == Some("short")),
        "valid for 600 s from the second receipt"
    );
    road.run(at(1300.0));
    assert_eq!(runs(&road).last(), Some(&(None, Mode::Automatic, 120)));
    assert_eq!(started(&road), ["short"]);
    assert_eq!(road.over, [Some("short".to_owned())], "the other one had been replaced");
}

#[test]
fn a_plan_whose_time_is_over_before_it_has_begun_is_said_to_be_over() {
    let mut road = Road::new(four_way());
    let plan = SHORT.replace("600", "20");
    assert_eq!(road.plan(&plan, at(1.0)).state, PlanState::Pending);
    road.run(at(20.0));
    assert_eq!(road.over, []);
    road.run(at(22.0));
    assert_eq!(road.over, [Some("short".to_owned())]);
    road.run(at(200.0));
    assert_eq!((started(&road), road.over.len()), (Vec::new(), 1));
}

#[test]
fn a_refused_plan_changes_nothing_and_names_every_reason() {
    let mut road = Road::new(four_way());
    road.plan(SHORT, at(-1.0));
    let plan =
        r#"{"stages": [{"stage": "N", "green_s": 3}, {"stage": "Q", "green_s": 20}], "plan_id": "bad"}"#;
    let status = road.plan(plan, at(20.0));
    assert_eq!((status.plan_id.as_deref(), status.state), (Some("bad"), PlanState::Refused));
    assert_eq!(status.reasons, ["there is no stage \"Q\"; there are N, S, E, W"]);
    let status = road.plan(r#"{"lane_times": [5, 5, 5, 500]}"#, at(21.0));
    assert_eq!(status.reasons.len(), 7, "{:?}", status.reasons);
    road.run(at(300.0));
    assert!(runs(&road).iter().all(|run| *run == (Some("short"), Mode::Automatic, 60)));
    assert!(road.controller.plan_to_keep().is_some_and(|(kept, _)| kept.plan_id.as_deref() == Some("short")));
    assert!(road.controller.plan_to_keep().is_none());
}

#[test]
fn an_override_comes_before_the_plan_and_its_end_returns_to_it() {
    let mut road = Road::new(four_way());
    road.plan(SHORT, at(-1.0));
    assert_eq!(road.plan(OVERRIDE, at(10.0)).state, PlanState::Pending);
    assert_eq!(road.plan(LONG, at(11.0)).state, PlanState::Pending, "kept for later");
    road.plan(SHORT, at(12.0));
    road.run(at(300.0));
    let hand = (Some("hand"), Mode::ManualOverride, 70);
    let short = (Some("short"), Mode::Automatic, 60);
    assert_eq!(runs(&road), [short, hand, short, short], "70 s once: 110 is past at 130");
    assert_eq!(started(&road), ["short", "hand", "short"]);
    assert_eq!(road.cycles[1].stages[0].end, StageEnd::Plan);
}

#[test]
fn an_automatic_plan_can_end_the_override() {
    let mut road = Road::new(four_way());
    road.plan(OVERRIDE, at(-1.0));
    road.run(at(5.0));
    assert_eq!(road.plan(SHORT, at(5.0)).state, PlanState::Pending);
    assert_eq!(road.plan(RELEASE, at(20.0)).state, PlanState::Pending);
    road.run(at(140.0));
    assert_eq!(runs(&road), [(Some("hand"), Mode::ManualOverride, 70), (Some("short"), Mode::Automatic, 60)]);
}

#[test]
fn a_skipped_stage_and_a_single_stage() {
    let mut spec = four_way_spec();
    spec.stages.iter_mut().for_each(|stage| stage.skip = true);
    let mut road = Road::new(build(&spec));
    road.plan(
        r#"{"stages": [{"stage": "N", "green_s": 20}, {"stage": "E", "green_s": 10}], "valid_s": 60}"#,
        at(-1.0),
    );
    road.plan(r#"{"stages": [{"stage": "E", "green_s": 30}], "plan_id": "one", "valid_s": 150}"#, at(30.0));
    road.run(at(250.0));
    let greens = road.greens(0.0);
    assert_eq!(greens[..2], ["0 N", "25 E"]);
    assert!(road.statuses.iter().all(|status| status.state == PlanState::Running));
    assert_eq!(greens[2..4], ["35 E", "65 E"], "it follows itself");
    let lamps: std::collections::BTreeSet<_> =
        road.shown.iter().filter(|shown| (25_000..180_000).contains(&shown.at.0)).map(|s| &s.lamps).collect();
    assert_eq!(lamps.len(), 1, "without clearance");
    assert_eq!(runs(&road)[1..3], [(Some("one"), Mode::Automatic, 30); 2]);
}

#[test]
fn nobody_waits_longer_than_the_longest_red_across_a_change_of_plans() {
    let mut spec = four_way_spec();
    spec.signal.longest_red_s = 120.0;
    let mut road = Road::new(build(&spec));
    let early = r#"{"lane_times": [55, 12, 30, 30], "valid_s": 200, "plan_id": "early"}"#;
    let late = r#"{"lane_times": [50, 50, 15, 15], "valid_s": 400, "plan_id": "late"}"#;
    assert_eq!(road.plan(early, at(-1.0)).reasons, Vec::<String>::new());
    road.run(at(1.0));
    assert_eq!(road.plan(late, at(1.0)).reasons, Vec::<String>::new());
    road.run(at(600.0));
    let mut last = BTreeMap::new();
    for shown in &road.shown {
        for (group, aspect) in shown.lamps.iter().enumerate() {
            if *aspect == Aspect::Green {
                let red = shown.at.since(*last.get(&group).unwrap_or(&MonoMs(0)));
                assert!(red <= 120_000, "group {group} waited {red} ms at {:?}", shown.at);
            }
        }
        for (group, aspect) in shown.lamps.iter().enumerate() {
            if *aspect == Aspect::Amber {
                last.insert(group, shown.at);
            }
        }
    }
}

#[test]
fn a_plan_that_just_keeps_the_longest_red_runs_exactly() {
    let mut spec = four_way_spec();
    spec.signal.longest_red_s = 120.0;
    let mut road = Road::new(build(&spec));
    let plan = r#"{"stages": [{"stage": "N", "green_s": 7}, {"stage": "S", "green_s": 40},
        {"stage": "E", "green_s": 40}, {"stage": "W", "green_s": 20}]}"#;
    assert_eq!(road.plan(plan, at(-1.0)).reasons, Vec::<String>::new());
    road.run(at(600.0));
    assert!(runs(&road).iter().all(|run| run.2 == 127));
    assert!(road.cycles.iter().flat_map(|cycle| &cycle.stages).all(|stage| stage.end == StageEnd::Plan));
}

#[test]
fn after_a_restart_a_plan_counts_while_it_is_valid_on_a_trusted_clock() {
    let kept = message(
        r#"{"lane_times": [15, 15, 15, 15], "plan_id": "kept", "valid_s": 600, "timestamp": "2026-02-08T23:55:00Z"}"#,
    );
    let unsynced = |seconds| Moment { clock: ClockState::Unsynced, ..at(seconds) };
    let mut road = Road::with(four_way(), Fallback::new(Vec::new(), Tz::UTC), unsynced(-12.0));
    road.controller.restore_plan(&kept, None, unsynced(-12.0)).expect("the plan fits");
    road.run(unsynced(50.0));
    assert!(road.statuses.is_empty());
    road.run(at(51.0));
    assert_eq!(road.statuses.first().map(|status| status.state), Some(PlanState::Pending));
    road.run(at(419.0));
    let plans: Vec<_> = runs(&road).iter().map(|run| run.0).collect();
    assert_eq!(plans, [None, Some("kept"), Some("kept"), Some("kept")], "until five past midnight");

    let mut late = Road::with(four_way(), Fallback::new(Vec::new(), Tz::UTC), at(300.0));
    late.controller.restore_plan(&kept, None, at(300.0)).expect("the plan fits");
    late.run(at(900.0));
    assert!(late.statuses.is_empty());
}

/// Starts at -12 on a clock that nobody vouches for, with plans that came at these seconds of the same uptime.
fn restarted(plans: &[(&str, f64)]) -> Road {
    let mut road = Road::with(four_way(), Fallback::new(Vec::new(), Tz::UTC), unsynced(-12.0));
    for (plan, received) in plans {
        let received = Some(at(*received).mono);
        road.controller.restore_plan(&message(plan), received, unsynced(-12.0)).expect("the plan fits");
    }
    road
}

fn unsynced(seconds: f64) -> Moment {
    Moment { clock: ClockState::Unsynced, wall: UnixMs(0) + at(seconds).mono.0, ..at(seconds) }
}

#[test]
fn after_a_restart_in_the_same_uptime_a_plan_holds_for_the_rest_of_its_time_whatever_the_wall_clock_says() {
    let (hand, none) = ((Some("hand"), Mode::ManualOverride, 70), (None, Mode::Automatic, 120));
    let dated = OVERRIDE.replacen('{', r#"{"timestamp": "2026-02-09T00:00:00Z", "#, 1);
    for plan in [OVERRIDE, &dated] {
        for (received, expected) in [(-40.0, [hand, none]), (-20.0, [hand, hand]), (-105.0, [none, none])] {
            let mut road = restarted(&[(plan, received)]);
            road.run(unsynced(300.0));
            assert_eq!(runs(&road)[..2], expected, "100 s from {received}");
            assert_eq!(road.statuses[0].state, PlanState::Pending);
        }
        let mut late = restarted(&[(plan, -112.0)]);
        late.run(unsynced(300.0));
        assert!(late.statuses.is_empty(), "it has run out before the start");
    }
}

#[test]
fn restored_plans_keep_their_order_and_give_way_to_newer_ones() {
    let emergency = r#"{"stages": [{"stage": "E", "green_s": 30}], "mode": "emergency", "plan_id": "fire", "valid_s": 60}"#;
    let mut road = restarted(&[(SHORT, -30.0), (OVERRIDE, -20.0), (emergency, -50.0)]);
    road.run(unsynced(1.0));
    assert_eq!(road.controller.shown().mode, Mode::Emergency);
    road.run(unsynced(300.0));
    let mut plans: Vec<_> = runs(&road).iter().map(|run| run.0).collect();
    plans.dedup();
    assert_eq!(plans, [Some("fire"), Some("hand"), Some("short")]);

    let mut road = restarted(&[]);
    road.plan(LONG, unsynced(-11.0));
    let kept = Some(at(-30.0).mono);
    road.controller.restore_plan(&message(SHORT), kept, unsynced(-10.0)).expect("the plan fits");
    road.run(unsynced(10.0));
    assert_eq!(road.controller.shown().plan_id.as_deref(), Some("long"));
}

#[test]
fn a_plan_of_an_earlier_uptime_that_has_no_time_does_not_count() {
    let mut road = Road::new(four_way());
    road.controller.restore_plan(&message(SHORT), None, at(-12.0)).expect("the plan fits");
    road.run(at(130.0));
    assert_eq!(runs(&road), [(None, Mode::Automatic, 120)]);
}

#[test]
fn the_fallback_follows_the_time_of_day() {
    let table = FallbackTable { days: [true; 7], from_min: 23 * 60, to_min: 4, greens: vec![10, 0, 20, 30] };
    let mut road = Road::with(four_way(), Fallback::new(vec![table], Tz::UTC), at(-12.0));
    road.run(at(400.0));
    let lengths: Vec<_> = runs(&road).iter().map(|run| run.2).collect();
    assert_eq!(lengths, [75, 75, 75, 75], "the cycle that begins at 240 is past four minutes");
    assert_eq!(road.greens(300.0)[..3], ["300 N", "330 S", "360 E"]);
}

/// A plan without N is over during the clearance before its first green: it never runs, so N, which nobody served meanwhile, keeps its turn.
#[test]
fn a_plan_that_ends_before_its_first_green_does_not_choose_what_follows() {
    let mut spec = four_way_spec();
    spec.stages.iter_mut().for_each(|stage| stage.skip = true);
    let mut road = Road::new(build(&spec));
    let without_n = r#"{"stages": [{"stage": "S", "green_s": 25}, {"stage": "E", "green_s": 25}],
        "plan_id": "late", "valid_s": 30}"#;
    assert_eq!(road.plan(without_n, at(87.0)).state, PlanState::Pending);
    road.run(at(200.0));
    assert_eq!(road.greens(0.0)[3..6], ["90 W", "120 N", "150 S"]);
    assert_eq!(started(&road), [""; 0]);
}

#[test]
fn after_a_restart_an_override_counts_beside_the_plan_that_came_after_it() {
    let kept = |mode: &str, plan_id: &str, valid_s: u32| {
        message(&format!(
            r#"{{"lane_times": [15, 15, 15, 15], "mode": "{mode}", "plan_id": "{plan_id}", "valid_s": {valid_s}, "timestamp": "2026-02-08T23:55:00Z"}}"#
        ))
    };
    let mut road = Road::new(four_way());
    for plan in [kept("automatic", "plan", 900), kept("manual_override", "police", 400)] {
        road.controller.restore_plan(&plan, None, at(-12.0)).expect("the plan fits");
    }
    road.run(at(300.0));
    let plans: Vec<_> = runs(&road).iter().map(|run| run.0).collect();
    assert_eq!(plans[..3], [Some("police"), Some("police"), Some("plan")], "until 100 s past midnight");
}
