use super::*;
use crate::junction::{Junction, tests::four_way};
use proptest::prelude::*;

fn junction() -> Junction {
    Junction::build(&four_way()).expect("four_way keeps every rule")
}

fn message(json: &str) -> GreenTime {
    let mut message: GreenTime = serde_json::from_str(&json.replacen(
        '{',
        "{\"junction_id\":\"00000000-0000-0000-0000-000000000001\",",
        1,
    ))
    .expect("the test's JSON is a green-time message");
    message.timestamp.get_or_insert(UnixMs(0));
    message
}

fn plan(json: &str) -> Result<Plan, Vec<String>> {
    Plan::from_green_time(&message(json), &junction(), UnixMs(7))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn greens(plan: &Plan) -> Vec<u32> {
    plan.stages.iter().map(|stage| stage.green_s).collect()
}

#[test]
fn lane_times_are_shares_of_the_cycle_with_clearance() {
    let plan = plan(r#"{"lane_times": [30, 20, 25, 25]}"#).unwrap();
    assert_eq!(greens(&plan), [25, 15, 20, 20]);
    assert_eq!(plan.cycle_s(&junction()), 100);
    assert_eq!(plan.lane_times(&junction()), [30, 20, 25, 25]);
    assert_eq!((plan.valid_s, plan.mode, plan.issued), (900, Mode::Automatic, UnixMs(0)));
    assert_eq!(
        plan.stages[0].min_green_s, plan.stages[0].max_green_s,
        "without a range the green runs exactly"
    );
}

#[test]
fn lane_times_scale_to_the_cycle() {
    let plan = plan(r#"{"lane_times": [15, 15, 15, 15], "total_cycle_time": 120}"#).unwrap();
    assert_eq!(greens(&plan), [25; 4]);
}

#[test]
fn a_stage_takes_the_greatest_time_of_its_lanes() {
    let mut spec = four_way();
    spec.stages.remove(3);
    spec.stages.remove(1);
    spec.stages[0].lanes = vec!["N".into(), "S".into()];
    spec.stages[1].lanes = vec!["E".into(), "W".into()];
    for (a, b) in [("N", "S"), ("E", "W")] {
        spec.compatible.push(crate::junction::CompatibleSpec { a: a.into(), b: b.into(), yields: false });
    }
    let junction = Junction::build(&spec).unwrap();
    let plan =
        Plan::from_green_time(&message(r#"{"lane_times": [30, 20, 10, 25]}"#), &junction, UnixMs(0)).unwrap();
    assert_eq!(greens(&plan), [25, 20]);
}

#[test]
fn stages_win_over_lane_times_and_exclude_clearance() {
    let plan = plan(
        r#"{"lane_times": [1], "stages": [
            {"stage": "W", "green_s": 10}, {"stage": "N", "green_s": 20, "min_green_s": 10, "max_green_s": 30},
            {"stage": "S", "green_s": 11}, {"stage": "E", "green_s": 12}], "plan_id": "p1", "valid_s": 60}"#,
    )
    .unwrap();
    assert_eq!(greens(&plan), [20, 11, 12, 10], "in the junction's order, whatever the message's");
    assert_eq!((plan.stages[0].min_green_s, plan.stages[0].max_green_s), (10, 30));
    assert_eq!(plan.id.as_deref(), Some("p1"));
}

#[test]
fn a_manual_override_runs_exactly() {
    let plan = plan(
        r#"{"mode": "manual_override", "stages": [
            {"stage": "N", "green_s": 20, "min_green_s": 10, "max_green_s": 30},
            {"stage": "S", "green_s": 11}, {"stage": "E", "green_s": 12}, {"stage": "W", "green_s": 13}]}"#,
    )
    .unwrap();
    assert_eq!((plan.stages[0].min_green_s, plan.stages[0].max_green_s, plan.valid_s), (20, 20, 3600));
}

#[test]
fn every_broken_rule_of_a_plan_is_reported() {
    let reasons = plan(
        r#"{"stages": [{"stage": "N", "green_s": 200}, {"stage": "N", "green_s": 10}, {"stage": "X", "green_s": 10},
            {"stage": "S", "green_s": -1}], "valid_s": 1e9, "offset_s": -3}"#,
    )
    .unwrap_err();
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    assert!(reasons.contains(&"there is no stage \"X\"; there are N, S, E, W".to_owned()));
    let reasons =
        plan(r#"{"stages": [{"stage": "N", "green_s": 61}, {"stage": "S", "green_s": 6}]}"#).unwrap_err();
    assert_eq!(
        reasons,
        [
            "stage \"N\": green_s of 61 s is outside 7 to 60 s",
            "stage \"S\": green_s of 6 s is outside 7 to 60 s",
            "stage \"E\" is not named, and may not be skipped",
            "stage \"W\" is not named, and may not be skipped",
        ]
    );
}

#[test]
fn a_cycle_in_which_somebody_waits_too_long_is_refused() {
    let reasons = plan(r#"{"lane_times": [65, 65, 65, 65]}"#).unwrap_err();
    assert!(
        reasons[0].contains("would wait 200 s for its green, longer than longest_red_s 180"),
        "{reasons:?}"
    );
}

#[test]
fn a_plan_without_times_or_for_another_junction_is_refused() {
    assert_eq!(
        plan("{\"x\":1}").unwrap_err(),
        ["the plan gives green to no stage; give stages or lane_times"]
    );
    let mut other = message(r#"{"lane_times": [30, 20, 25, 25]}"#);
    other.junction_id = crate::ids::JunctionId(uuid::Uuid::from_u128(5));
    assert!(Plan::from_green_time(&other, &junction(), UnixMs(0)).is_err());
}

#[test]
fn an_emergency_names_one_stage() {
    let plan = plan(r#"{"mode": "emergency", "stages": [{"stage": "E", "green_s": 0}]}"#).unwrap();
    assert_eq!((plan.stages.len(), plan.valid_s), (1, 300));
    assert!(self::plan(r#"{"mode": "emergency", "lane_times": [30, 20, 25, 25]}"#).is_err());
    assert!(self::plan(r#"{"mode": "emergency", "stages": []}"#).is_err());
}

#[test]
fn limits_bound_the_cycle() {
    let plan = plan(r#"{"lane_times": [30, 30, 30, 30]}"#).unwrap();
    assert!(plan.check(&junction(), Limits { min_cycle_s: 30, max_cycle_s: 120 }).is_empty());
    assert_eq!(plan.check(&junction(), Limits { min_cycle_s: 30, max_cycle_s: 110 }).len(), 1);
    // The shortest greens that the stages have: nothing but the bounds of the cycle is broken.
    let shortest = self::plan(r#"{"lane_times": [12, 12, 12, 12]}"#).unwrap();
    let problems = shortest.check(&junction(), Limits { min_cycle_s: 60, max_cycle_s: 120 });
    assert_eq!(problems, [PlanProblem::Cycle { cycle: 48, least: 60, most: 120 }]);
}

proptest! {
    #[test]
    fn what_is_sent_reads_back(greens in prop::array::uniform4(7_u32..=40), spread in 0_u32..5) {
        let junction = junction();
        let stages = junction.stage_indexes().zip(greens).map(|(stage, green_s)| StagePlan {
            stage, green_s, min_green_s: green_s.saturating_sub(spread).max(7), max_green_s: green_s + spread,
        }).collect();
        let plan = Plan { id: Some("p".into()), mode: Mode::Automatic, offset_s: Some(4), stages, valid_s: 300, ends_override: true,
            issued: UnixMs(1000), reason: Some("because".into()) };
        let read = Plan::from_green_time(&plan.to_green_time(&junction), &junction, UnixMs(0)).unwrap();
        prop_assert_eq!(read, plan);
    }

    #[test]
    fn no_numbers_make_it_panic(times in prop::collection::vec(any::<f64>(), 0..6), cycle: Option<f64>) {
        let message = GreenTime { junction_id: junction().id, lane_times: Some(times), total_cycle_time: cycle, ..GreenTime::default() };
        let _ = Plan::from_green_time(&message, &junction(), UnixMs(0));
    }
}
