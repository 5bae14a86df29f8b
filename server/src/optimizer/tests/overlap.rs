//! Junctions whose stages overlap: lanes with several groups, groups that have green in several stages.

use super::flows;
use crate::junction_file::JunctionEntry;
use crate::optimizer::{SATURATION_FLOW_VEH_H, lane_flows, optimize, predict};
use flextraff_common::junction::{Junction, LaneIx};
use flextraff_common::plan::{Limits, Plan, StagePlan};
use flextraff_common::time::UnixMs;
use flextraff_common::traffic::{LaneStages, SATURATION_HEADWAY_S};
use flextraff_common::wire::Mode;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

/// A junction of a file without compatible pairs. `lanes`: of each lane the groups, of each group the stages, as bits.
fn entry(lanes: &[Vec<u8>], stages: usize, signal: &serde_json::Value) -> JunctionEntry {
    let id = |number: usize| Uuid::from_u128(number as u128);
    let group = |lane: usize, at: usize| format!("L{lane}{at}");
    let groups: Vec<(usize, usize, u8)> = lanes
        .iter()
        .enumerate()
        .flat_map(|(lane, groups)| groups.iter().enumerate().map(move |(at, bits)| (lane, at, *bits)))
        .collect();
    let green = |stage: usize| {
        let in_stage: Vec<String> = groups
            .iter()
            // A group without a stage has green in the first, a stage without a group gives it to the first.
            .filter(|(lane, at, bits)| {
                bits & (1 << stage) != 0
                    || (stage == 0 && usize::from(*bits) % (1 << stages) == 0)
                    || (*lane, *at) == (0, 0)
            })
            .map(|&(lane, at, _)| group(lane, at))
            .collect();
        json!({"stage": format!("stage{stage}"), "groups": in_stage, "min_green_s": 5, "max_green_s": 90})
    };
    serde_json::from_value(json!({
        "junction_id": id(1), "junction_name": "Overlap", "city": "Pune", "latitude": 18.5, "longitude": 73.9,
        "min_cycle_time": 30, "max_cycle_time": 180, "base_cycle_time": 90,
        "lanes": (0..lanes.len())
            .map(|lane| json!({"lane_id": id(100 + lane), "lane_index": lane, "lane_name": format!("L{lane}")}))
            .collect::<Vec<_>>(),
        "groups": groups
            .iter()
            .map(|&(lane, at, _)| json!({"name": group(lane, at), "lanes": [id(100 + lane)]}))
            .collect::<Vec<_>>(),
        "stages": (0..stages).map(green).collect::<Vec<_>>(),
        "signal": signal,
    }))
    .expect("it is a junction of a file")
}

fn junction(lanes: &[Vec<u8>], stages: usize) -> Junction {
    entry(lanes, stages, &json!({})).build().expect("the test's junction keeps every rule")
}

#[test]
fn a_lane_of_several_stages_brings_its_flow_once() {
    // The first lane has green in all three stages, the second in the last two, the third in the last.
    let junction = junction(&[vec![0b111], vec![0b110], vec![0b100]], 3);
    let limits = Limits { min_cycle_s: 30, max_cycle_s: 180 };
    let proposal = optimize(&junction, limits, 90, &flows(&[600.0, 700.0, 300.0]));
    let ratios: Vec<f64> =
        proposal.explanation.stages.iter().map(|stage| stage.flow_ratio * SATURATION_FLOW_VEH_H).collect();
    assert!(
        ratios.iter().zip([200.0, 350.0, 350.0]).all(|(is, wanted)| (is - wanted).abs() < 1e-9),
        "{ratios:?}"
    );
    assert_eq!(proposal.explanation.stages[1].critical_lane.as_deref(), Some("L1"));
}

/// Lane L0 has green in both stages. L1 has two groups, of which one has green in the first stage and the other in the second; if `both`, the first
/// one in the second too. L2 has the first stage, L3 the second.
fn shared(both: bool, yields: bool) -> Junction {
    let bits = if both { vec![0b11, 0b10] } else { vec![0b01, 0b10] };
    let mut entry = entry(&[vec![0b11], bits, vec![0b01], vec![0b10]], 2, &json!({}));
    let together =
        [("L00", "L11"), ("L00", "L20"), ("L00", "L30"), ("L10", "L11"), ("L10", "L30"), ("L11", "L30")];
    let mut pairs: Vec<_> = together.iter().map(|(a, b)| json!({"a": a, "b": b})).collect();
    pairs.push(json!({"a": "L00", "b": "L10"}));
    pairs.push(json!({"a": "L20", "b": "L10", "yield": yields}));
    entry.compatible = serde_json::from_value(json!(pairs)).expect("they are compatible pairs");
    entry.build().expect("the test's junction keeps every rule")
}

fn ratios(junction: &Junction, demand: &[f64]) -> Vec<f64> {
    let limits = Limits { min_cycle_s: 30, max_cycle_s: 180 };
    let proposal = optimize(junction, limits, 90, &flows(demand));
    proposal.explanation.stages.iter().map(|stage| stage.flow_ratio * SATURATION_FLOW_VEH_H).collect()
}

fn close(is: &[f64], wanted: &[f64]) {
    assert!(is.iter().zip(wanted).all(|(is, wanted)| (is - wanted).abs() < 0.1), "{is:?} is not {wanted:?}");
}

#[test]
fn a_lane_of_which_each_stage_serves_one_group_needs_twice_the_green() {
    let junction = shared(false, false);
    // Half of its vehicles in each stage, and half of them stand in the way of the others.
    close(&ratios(&junction, &[0.0, 400.0, 0.0, 0.0]), &[400.0, 400.0]);
    let lanes = lane_flows(&junction, &flows(&[0.0, 400.0, 0.0, 0.0]));
    close(&[lanes[1].saturation_veh_h, lanes[2].saturation_veh_h], &[947.4, 1894.7]);
    assert!((lanes[1].flow_ratio.unwrap() - 400.0 / 947.4).abs() < 1e-4);
    // One and a half times what one full stage would let go.
    close(&ratios(&shared(true, false), &[0.0, 400.0, 0.0, 0.0]), &[400.0 / 1.5, 400.0 / 1.5]);
}

#[test]
fn a_lane_that_gives_way_needs_half_as_much_green_again() {
    let demand = [0.0, 0.0, 400.0, 0.0];
    close(&ratios(&shared(false, false), &demand), &[400.0, 0.0]);
    close(&ratios(&shared(false, true), &demand), &[600.0, 0.0]);
    let lanes = lane_flows(&shared(false, true), &flows(&demand));
    close(&[lanes[2].saturation_veh_h], &[1894.7 / 1.5]);
}

#[test]
fn a_preview_has_the_capacities_of_the_plan() {
    let junction = shared(false, true);
    let stages: Vec<StagePlan> = junction
        .stage_indexes()
        .map(|stage| StagePlan { stage, green_s: 40, min_green_s: 5, max_green_s: 90 })
        .collect();
    let cost = predict(&junction, &stages, &flows(&[600.0; 4]));
    // 90 s of cycle; L0 and L1 have green in 80 of them, in which L1 discharges half as fast; the others in 40.
    let capacities =
        [80.0, 80.0 / 2.0, 40.0 / 1.5, 40.0].map(|green_s| SATURATION_FLOW_VEH_H * green_s / 90.0);
    for (lane, capacity) in cost.lanes.iter().zip(capacities) {
        let saturation = lane.saturation.expect("its flow is known");
        assert!((saturation - 600.0 / capacity).abs() < 1e-3, "{lane:?}: {capacity}");
    }
    let delay = |lane: usize| cost.lanes[lane].delay_s;
    assert!(delay(1) > delay(0) && delay(2) > delay(3), "{cost:?}");
    // The queue model's headways are those that an agent takes before it has learned any.
    let headways = LaneStages::of(&junction, LaneIx::new(1)).headways_s(2, SATURATION_HEADWAY_S);
    close(&headways, &[3.8, 3.8]);
}

proptest! {
    #[test]
    fn plans_of_overlapping_stages_keep_every_rule(
        stages in 2_usize..=8,
        lanes in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..=2), 0.0..3000.0_f64, 0.0..900.0_f64), 1..=14),
        (amber, all_red) in (1.0..6.0_f64, 0.0..4.0_f64),
        base in 0_u32..300,
    ) {
        let groups: Vec<Vec<u8>> = lanes.iter().map(|(groups, ..)| groups.clone()).collect();
        let entry = entry(&groups, stages, &json!({"amber_s": amber, "all_red_s": all_red, "stage_order": "free"}));
        let junction = entry.build().expect("the test's junction keeps every rule");
        let mut demand = flows(&lanes.iter().map(|&(_, flow, _)| flow).collect::<Vec<_>>());
        for (lane, (.., watched)) in demand.iter_mut().zip(&lanes) {
            lane.vehicles *= watched / lane.observed_s;
            lane.observed_s = *watched;
        }
        let proposal = optimize(&junction, entry.limits(), base, &demand);
        for planned in &proposal.stages {
            let stage = junction.stage(planned.stage);
            prop_assert_eq!((planned.min_green_s, planned.max_green_s), (stage.min_green_s, stage.max_green_s));
        }
        let lane_sum: f64 = proposal.explanation.lanes.iter().filter_map(|lane| lane.flow_ratio).sum();
        prop_assert!(proposal.explanation.flow_ratio_sum <= lane_sum + 1e-9, "no lane counts more than once");
        let plan = Plan { id: None, mode: Mode::Automatic, offset_s: None, stages: proposal.stages, valid_s: 900,
            issued: UnixMs(0), reason: None, ends_override: false };
        prop_assert_eq!(plan.check(&junction, entry.limits()), vec![]);
        prop_assert_eq!(plan.cycle_s(&junction), proposal.explanation.cycle_s);
        prop_assert_eq!(Plan::from_green_time(&plan.to_green_time(&junction), &junction, UnixMs(0)), Ok(plan));
    }
}
