mod overlap;

use super::*;
use flextraff_common::ids::{JunctionId, LaneId};
use flextraff_common::junction::{JunctionSpec, LaneSpec, SignalSpec, StageSpec};
use flextraff_common::plan::Plan;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::Mode;
use proptest::prelude::*;
use uuid::Uuid;

const LIMITS: Limits = Limits { min_cycle_s: 30, max_cycle_s: 120 };

fn junction(stages: usize, min_green_s: f64, max_green_s: f64, signal: SignalSpec) -> Junction {
    let names: Vec<String> = (0..stages).map(|at| format!("L{at}")).collect();
    let lanes = names
        .iter()
        .zip(1..)
        .map(|(name, id)| LaneSpec { id: LaneId(Uuid::from_u128(id)), name: name.clone(), direction: None })
        .collect();
    let stages = names
        .iter()
        .map(|name| StageSpec {
            name: name.clone(),
            groups: Vec::new(),
            lanes: vec![name.clone()],
            min_green_s,
            max_green_s,
            skip: false,
        })
        .collect();
    Junction::build(&JunctionSpec {
        id: JunctionId(Uuid::from_u128(1)),
        name: "test".into(),
        lanes,
        groups: Vec::new(),
        stages,
        compatible: Vec::new(),
        intergreens: Vec::new(),
        signal,
    })
    .expect("the test's junction keeps every rule")
}

fn flows(flows: &[f64]) -> Vec<LaneDemand> {
    flows.iter().map(|flow| LaneDemand { vehicles: flow / 4.0, observed_s: 900.0 }).collect()
}

fn greens(proposal: &Proposal) -> Vec<u32> {
    proposal.stages.iter().map(|stage| stage.green_s).collect()
}

#[test]
fn webster_as_in_the_textbook() {
    // Two stages, 2 s lost and 2 s all-red each: L = 8; y = 0.30 and 0.25: C = 17 / 0.45 = 37.8 s.
    let junction = junction(2, 5.0, 60.0, SignalSpec::default());
    let demand = flows(&[0.30 * SATURATION_FLOW_VEH_H, 0.25 * SATURATION_FLOW_VEH_H]);
    let proposal = optimize(&junction, LIMITS, 60, &demand);
    assert!((proposal.explanation.lost_s - 8.0).abs() < 1e-9);
    assert!((proposal.explanation.webster_cycle_s.unwrap() - 37.8).abs() < 0.05);
    assert_eq!(proposal.explanation.cycle_s, 38);
    assert_eq!(greens(&proposal), [15, 13], "28 s of green in the proportion 0.30 to 0.25");
}

#[test]
fn without_demand_the_base_cycle_is_shared_evenly() {
    let proposal = optimize(&junction(4, 7.0, 60.0, SignalSpec::default()), LIMITS, 80, &[]);
    assert_eq!(greens(&proposal), [15; 4]);
    assert!(proposal.explanation.sentence.starts_with("No lane has been watched"));
}

#[test]
fn a_lane_watched_too_little_has_no_flow() {
    let seen = LaneDemand { vehicles: 30.0, observed_s: 59.0 };
    let proposal = optimize(&junction(2, 5.0, 60.0, SignalSpec::default()), LIMITS, 60, &[seen, seen]);
    assert_eq!(proposal.explanation.lanes[0].flow_veh_h, None);
    assert_eq!(proposal.explanation.cycle_s, 60);
}

#[test]
fn over_capacity_runs_the_longest_cycle() {
    let junction = junction(2, 5.0, 90.0, SignalSpec::default());
    let proposal = optimize(&junction, LIMITS, 60, &flows(&[1000.0, 1000.0]));
    assert_eq!(proposal.explanation.cycle_s, 120);
    assert_eq!(proposal.explanation.webster_cycle_s, None);
    assert!(proposal.explanation.sentence.contains("over capacity"));
}

#[test]
fn no_tags_never_take_a_stage_away() {
    let junction = junction(4, 7.0, 60.0, SignalSpec::default());
    let proposal = optimize(&junction, LIMITS, 60, &flows(&[700.0, 0.0, 0.0, 0.0]));
    assert_eq!(proposal.stages.len(), 4);
    assert!(greens(&proposal).iter().all(|&green| green >= 7));
    assert_eq!(proposal.explanation.stages[1].bound, Some(Bound::MinGreen));
}

#[test]
fn the_window_forgets_and_takes_late_intervals() {
    let mut window = DemandWindow::new(1, 900_000);
    let seen = LaneDemand { vehicles: 1.0, observed_s: 5.0 };
    let mut add =
        |lane, end| window.add(lane, Shown { end: UnixMs(end), demand: seen, row: None, uptime: None });
    add(0, 1_000_000);
    add(0, 95_000);
    add(7, 95_000);
    assert!((window.totals()[0].vehicles - 2.0).abs() < 1e-9);
    window.expire(UnixMs(1_000_000));
    assert!((window.totals()[0].vehicles - 1.0).abs() < 1e-9);
}

proptest! {
    #[test]
    fn whatever_the_demand_the_plan_keeps_every_rule(
        flow in prop::collection::vec(0.0..4000.0_f64, 2..8),
        min_green in 3_u32..12, spread in 0_u32..80, base in 0_u32..400,
        (least, most) in (0_u32..90, 60_u32..200),
    ) {
        let junction = junction(flow.len(), f64::from(min_green), f64::from(min_green + spread), SignalSpec::default());
        let limits = Limits { min_cycle_s: least, max_cycle_s: most };
        let proposal = optimize(&junction, limits, base, &flows(&flow));
        let plan = Plan { id: None, mode: Mode::Automatic, offset_s: None, stages: proposal.stages.clone(), valid_s: 900,
            issued: UnixMs(0), reason: None, ends_override: false };
        prop_assert_eq!(plan.check(&junction, Limits::NONE), vec![]);
        let sum = plan.cycle_s(&junction);
        prop_assert_eq!(sum, proposal.explanation.cycle_s);
    }
}
