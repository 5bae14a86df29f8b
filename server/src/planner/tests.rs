mod ended;

use super::schedule::{Entry, Schedule};
use super::*;
use crate::optimizer::LaneDemand;
use flextraff_common::ids::{DeviceId, OutboxId, Seq};
use flextraff_common::junction::{Junction, JunctionSpec, LaneSpec, SignalSpec, StageSpec};
use flextraff_common::plan::Limits;
use flextraff_common::wire::{DeviceType, Mode, PlanStatus};
use std::sync::Arc;

const J: JunctionId = JunctionId(Uuid::from_u128(1));
const D: DeviceId = DeviceId(Uuid::from_u128(2));
const START: UnixMs = UnixMs(1_770_000_000_000);

fn lane(at: usize) -> LaneId {
    LaneId(Uuid::from_u128(10 + at as u128))
}

pub(super) fn junction() -> Arc<Junction> {
    let names = ["N", "S", "E", "W"];
    let spec = JunctionSpec {
        id: J,
        name: "test".into(),
        lanes: names
            .iter()
            .enumerate()
            .map(|(at, name)| LaneSpec { id: lane(at), name: (*name).into(), direction: None })
            .collect(),
        groups: Vec::new(),
        stages: names
            .iter()
            .map(|name| StageSpec {
                name: (*name).into(),
                groups: Vec::new(),
                lanes: vec![(*name).into()],
                min_green_s: 7.0,
                max_green_s: 60.0,
                skip: false,
            })
            .collect(),
        compatible: Vec::new(),
        intergreens: Vec::new(),
        signal: SignalSpec::default(),
    };
    Arc::new(Junction::build(&spec).expect("the test's junction keeps every rule"))
}

fn planner() -> Planner {
    let mut count = 0;
    let ids = move || {
        count += 1;
        Uuid::from_u128(0xF000 + count)
    };
    let mut planner = Planner::new(Box::new(ids));
    let limits = Limits { min_cycle_s: 30, max_cycle_s: 120 };
    planner.add_site(Site::new(junction(), limits, 60, None, START));
    planner
}

fn status(online: bool, plan: Option<(&str, PlanState)>) -> Status {
    let message: Status = serde_json::from_value(serde_json::json!({"device_id": D, "online": online}))
        .expect("the last will is a status");
    Status {
        device_type: Some(DeviceType::Junction),
        plan: plan.map(|(id, state)| PlanStatus { plan_id: Some(id.into()), state, reasons: Vec::new() }),
        ..message
    }
}

fn counts(end: UnixMs, vehicles: i64) -> CarCounts {
    let message: CarCounts = serde_json::from_value(
        serde_json::json!({"junction_id": J, "lane_id": lane(0), "vehicle_count": vehicles, "epc_ids": []}),
    )
    .expect("the published fields are enough");
    CarCounts { timestamp: Some(end), observed_s: Some(5.0), ..message }
}

fn sent(planner: &mut Planner) -> Vec<GreenTime> {
    std::iter::from_fn(|| planner.poll())
        .filter_map(|command| match command {
            PlanCommand::Send(send) => Some(send.message),
            _ => None,
        })
        .collect()
}

fn stages(message: &GreenTime) -> Vec<f64> {
    message.stages.iter().flatten().map(|stage| stage.green_s).collect()
}

#[test]
fn a_device_that_comes_online_gets_the_plan_once() {
    let mut planner = planner();
    planner.handle_timeout(START + PLAN_EVERY_MS);
    assert!(sent(&mut planner).is_empty(), "nobody is there to hear it");
    planner.handle_status(J, &status(true, None), START);
    let first = sent(&mut planner);
    assert_eq!((first.len(), stages(&first[0])), (1, vec![10.0; 4]));
    planner.handle_status(J, &status(true, None), START + 1000);
    assert!(sent(&mut planner).is_empty());
    planner.handle_status(J, &status(false, None), START + 2000);
    planner.handle_status(J, &status(true, None), START + 3000);
    let again = sent(&mut planner);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].plan_id, first[0].plan_id, "the same greens keep their name");
}

#[test]
fn demand_changes_the_plan_and_silence_renews_it_before_it_runs_out() {
    let mut planner = planner();
    planner.handle_status(J, &status(true, None), START);
    let first = sent(&mut planner);
    for at in 0..24 {
        for lane_at in 0..4 {
            let end = START + 5000 * (at + 1);
            planner.handle_counts(J, lane(lane_at), &counts(end, i64::from(lane_at == 0) * 2), end);
        }
    }
    planner.handle_timeout(START + 120_000);
    let second = sent(&mut planner);
    assert_eq!(second.len(), 1);
    assert!(stages(&second[0])[0] > stages(&second[0])[1], "{:?}", stages(&second[0]));
    assert_ne!(second[0].plan_id, first[0].plan_id);
    let mut renewals = 0;
    for minute in 3..14 {
        planner.handle_timeout(START + minute * 60_000);
        renewals += sent(&mut planner).len();
    }
    assert_eq!(renewals, 1, "once, five minutes before the end of its fifteen");
}

#[test]
fn a_backlog_of_hours_ago_is_no_demand_of_now() {
    let mut fresh = planner();
    fresh.handle_status(J, &status(true, None), START);
    let usual = sent(&mut fresh);
    let mut planner = planner();
    for at in 0..60 {
        let end = START + -2 * 3_600_000 + 5000 * at;
        planner.handle_counts(J, lane(0), &counts(end, 3), START);
    }
    planner.handle_status(J, &status(true, None), START);
    let plans = sent(&mut planner);
    assert_eq!(stages(&plans[0]), stages(&usual[0]));
}

#[test]
fn whoever_takes_a_junction_over_knows_each_interval_once() {
    let second = |second: i64| START + 1000 * second;
    let row = |seq: u64, end: UnixMs| {
        let json = serde_json::json!({
            "device_id": D, "outbox_id": D, "seq": seq, "boot_id": D, "mono_ms": 0, "clock": "synced"
        });
        let delivery = Some(serde_json::from_value(json).expect("a delivery"));
        CarCounts { delivery, ..counts(end, 1) }
    };
    let seed = |end: UnixMs, seq: Option<u64>| {
        let demand = LaneDemand { vehicles: 1.0, observed_s: 5.0 };
        (lane(0), Shown { end, demand, row: seq.map(|seq| (OutboxId(D.0), Seq(seq))), uptime: None })
    };
    let mut site = Site::new(junction(), Limits { min_cycle_s: 30, max_cycle_s: 120 }, 60, None, START);
    let vehicles = |site: &Site| site.demand()[0].vehicles;
    // Heard of while another server stored: 1 is in the database by now, 2 is about to be, 0 is too old to be told from it.
    for (seq, end) in [(0, 0), (1, 100), (2, 105)] {
        site.handle_counts(lane(0), &row(seq, second(end)), second(end));
    }
    let published = counts(second(101), 1);
    site.handle_counts(lane(0), &published, second(101));
    let known = [
        seed(second(1), None),
        seed(second(100), Some(1)),
        seed(second(101), None),
        seed(second(102), Some(3)),
    ];
    site.seed_demand(known.into_iter(), second(50));
    assert!((vehicles(&site) - 5.0).abs() < 1e-9, "{}", vehicles(&site));
    // 2 comes again, and is stored; the word that 3 is stored was on its way.
    for (seq, end) in [(2, 105), (3, 102)] {
        site.handle_counts(lane(0), &row(seq, second(end)), second(135));
    }
    assert!((vehicles(&site) - 5.0).abs() < 1e-9, "{}", vehicles(&site));
}

#[test]
fn counts_of_a_clock_that_is_ahead_are_demand_no_longer_than_others() {
    // An Indian wall clock without a zone is read as UTC: five and a half hours ahead.
    let greens = |ahead_ms: i64| {
        let mut planner = planner();
        planner.handle_status(J, &status(true, None), START);
        for (busy, from) in [(0, 0), (1, 20 * 60_000)] {
            for at in 0..24 {
                let now = START + from + 5000 * (at + 1);
                for lane_at in 0..4 {
                    let message = counts(now + ahead_ms, i64::from(lane_at == busy) * 2);
                    planner.handle_counts(J, lane(lane_at), &message, now);
                }
            }
            planner.handle_timeout(START + from + 120_000);
        }
        sent(&mut planner).last().map(stages)
    };
    let right = greens(0).expect("a plan is sent");
    assert!(right[1] > right[0], "the second lane is the busy one: {right:?}");
    assert_eq!(greens(19_800_000), Some(right));
}

#[test]
fn counts_of_a_clock_that_nobody_has_set_are_placed_by_the_uptime() {
    // Counting began two hours before this one is heard first, and its wall clock stands three years back.
    let rows = |busy: [usize; 2], unsynced: bool| {
        let mut planner = planner();
        planner.handle_status(J, &status(true, None), START);
        let mut seq = 0;
        let mut hear = |planner: &mut Planner, lane_at: usize, made: i64, heard: i64, vehicles: i64| {
            seq += 1;
            let clock = if unsynced { "unsynced" } else { "synced" };
            let json = serde_json::json!({
                "device_id": D, "outbox_id": D, "seq": seq, "boot_id": D, "mono_ms": made + 7_200_000, "clock": clock
            });
            let delivery = Some(serde_json::from_value(json).expect("a delivery"));
            let behind_ms = if unsynced { -100_000_000_000 } else { 0 };
            let message = CarCounts { delivery, ..counts(START + made + behind_ms, vehicles) };
            planner.handle_counts(J, lane(lane_at), &message, START + heard);
        };
        for made in (-7_200_000..0).step_by(5000) {
            for lane_at in 0..4 {
                hear(&mut planner, lane_at, made, 0, i64::from(lane_at == busy[0]) * 2);
            }
        }
        for made in (0..120_000).step_by(5000) {
            for lane_at in 0..4 {
                hear(&mut planner, lane_at, made, made + 300, i64::from(lane_at == busy[1]) * 2);
            }
        }
        // What was left over comes late, and is no demand of now.
        for made in (-6_000_000..-5_000_000).step_by(5000) {
            hear(&mut planner, 2, made, 120_000, 3);
        }
        planner.handle_timeout(START + 120_500);
        sent(&mut planner).last().map(stages)
    };
    for busy in [[0, 1], [1, 1], [3, 0]] {
        let right = rows(busy, false).expect("a plan is sent");
        assert!(right[busy[1]] > right[2], "{right:?}");
        assert_eq!(rows(busy, true), Some(right), "{busy:?}");
    }
}

#[test]
fn what_the_road_says_is_told_once() {
    let mut planner = planner();
    planner.handle_status(J, &status(true, Some(("p", PlanState::Pending))), START);
    planner.handle_status(J, &status(true, Some(("p", PlanState::Pending))), START);
    planner.handle_status(J, &status(true, Some(("p", PlanState::Running))), START);
    let confirmed: Vec<PlanState> = std::iter::from_fn(|| planner.poll())
        .filter_map(|command| match command {
            PlanCommand::Confirmed { state, .. } => Some(state),
            _ => None,
        })
        .collect();
    assert_eq!(confirmed, [PlanState::Pending, PlanState::Running]);
}

fn manual(times: Vec<f64>, cycle: f64, until: UnixMs) -> Override {
    Override {
        id: Uuid::from_u128(77),
        mode: Mode::ManualOverride,
        times: OverrideTimes::Lanes { times, cycle },
        until,
        reason: Some("procession".into()),
    }
}

#[test]
fn an_override_is_checked_sent_repeated_and_ends_by_itself() {
    let mut planner = planner();
    planner.handle_status(J, &status(true, None), START);
    sent(&mut planner);
    let refused = planner.start_override(J, manual(vec![12.0, 12.0, 3.0, 12.0], 39.0, START + 60_000), START);
    assert!(refused.unwrap_err().to_string().contains("stage \"E\": green_s of 0 s is outside 7 to 60 s"));
    let refused = planner.start_override(J, manual(vec![40.0; 4], 160.0, START + 60_000), START);
    assert!(
        refused.unwrap_err().to_string().contains("the cycle of 160 s is outside the junction's 30 to 120 s")
    );
    assert!(sent(&mut planner).is_empty());

    let message = planner
        .start_override(J, manual(vec![30.0, 20.0, 25.0, 25.0], 100.0, START + 600_000), START)
        .unwrap();
    assert_eq!(
        (message.mode, message.valid_s, stages(&message)),
        (Mode::ManualOverride, Some(600.0), vec![25.0, 15.0, 20.0, 20.0])
    );
    assert_eq!(sent(&mut planner), [message]);
    planner.handle_status(J, &status(false, None), START);
    planner.handle_status(J, &status(true, None), START + 300_000);
    let again = sent(&mut planner);
    assert_eq!(again.len(), 2, "the automatic plan for afterwards, and the override with what is left of it");
    assert_eq!(again[1].valid_s, Some(300.0));
    planner.handle_timeout(START + 600_000);
    let ended = std::iter::from_fn(|| planner.poll())
        .any(|command| matches!(command, PlanCommand::OverrideEnded { override_id, .. } if override_id.as_u128() == 77));
    assert!(ended);
}

#[test]
fn when_messages_were_held_up_what_holds_now_is_sent_again() {
    let mut planner = planner();
    planner.handle_status(J, &status(true, None), START);
    planner
        .start_override(J, manual(vec![30.0, 20.0, 25.0, 25.0], 100.0, START + 60_000), START)
        .expect("it keeps the rules");
    sent(&mut planner);
    planner.greet_again();
    planner.handle_timeout(START + 40_000);
    let again = sent(&mut planner);
    let modes: Vec<_> = again.iter().map(|plan| (plan.mode, plan.valid_s)).collect();
    assert_eq!(modes, [(Mode::Automatic, Some(900.0)), (Mode::ManualOverride, Some(20.0))]);
    planner.greet_again();
    planner.handle_timeout(START + 60_000);
    assert!(sent(&mut planner).iter().all(|plan| plan.mode == Mode::Automatic), "the override is over");
}

#[test]
fn back_to_automatic_says_so() {
    let mut planner = planner();
    planner.start_override(J, manual(vec![30.0, 20.0, 25.0, 25.0], 100.0, START + 600_000), START).unwrap();
    sent(&mut planner);
    let message = planner.end_override(J, START + 1000).unwrap();
    assert!(message.ends_override && message.mode == Mode::Automatic);
    planner.handle_timeout(START + 600_000);
    assert!(
        !std::iter::from_fn(|| planner.poll())
            .any(|command| matches!(command, PlanCommand::OverrideEnded { .. }))
    );
}

#[test]
fn an_unknown_junction_is_named() {
    let error = planner().end_override(JunctionId(Uuid::from_u128(9)), START).unwrap_err();
    assert!(error.to_string().contains("has no stages"));
}

/// A planner with a schedule in India, whose device is online; and when that day begins there.
fn with_schedule(entries: &str) -> (Planner, UnixMs) {
    let mut planner = planner();
    let entries: Vec<Entry> = serde_json::from_str(entries).expect("the test's entries can be read");
    let limits = Limits { min_cycle_s: 30, max_cycle_s: 120 };
    assert_eq!(schedule::problems(&entries, &junction(), limits), Vec::<String>::new());
    let midnight = UnixMs::parse("2026-02-10T00:00:00+05:30").expect("a time");
    let schedule = Schedule { zone: chrono_tz::Tz::Asia__Kolkata, entries, ..Schedule::default() };
    planner.add_site(Site::new(junction(), limits, 60, None, midnight).with_schedule(schedule));
    planner.handle_status(J, &status(true, None), midnight);
    (planner, midnight)
}

const DAY: &str = r#"[
    {"name": "School", "days": ["tue"], "from": "08:00", "to": "08:30", "plan": {"offset_s": 10, "stages": [
        {"stage": "N", "green_s": 30}, {"stage": "S", "green_s": 10}, {"stage": "E", "green_s": 10}, {"stage": "W", "green_s": 10}]}},
    {"name": "Night", "days": ["mon", "tue"], "from": "22:00", "to": "05:00", "limits": {"max_cycle_s": 50, "max_green_s": 9}}
]"#;

#[test]
fn the_schedule_is_obeyed_to_the_second_over_a_day() {
    let (mut planner, midnight) = with_schedule(DAY);
    let mut running = sent(&mut planner).pop().unwrap();
    for second in 1..=86_400 {
        let now = midnight + second * 1000;
        planner.handle_timeout(now);
        let plans = sent(&mut planner);
        assert!(plans.len() <= 1);
        running = plans.into_iter().next().unwrap_or(running);
        let reason = running.reason.as_deref().unwrap_or_default();
        let (hour, greens) = (second / 3600, stages(&running));
        let expected = match second {
            28_800..30_600 => {
                (vec![30.0, 10.0, 10.0, 10.0], Some(10.0), "\"School\" fixes a cycle of 80 s until 08:30")
            }
            _ if !(5..22).contains(&hour) => {
                (vec![8.0, 8.0, 7.0, 7.0], None, "\"Night\" limits it until 05:00")
            }
            _ => (vec![10.0; 4], None, "base cycle of 60 s"),
        };
        assert_eq!((greens, running.offset_s), (expected.0, expected.1), "at {second} s: {reason}");
        assert!(reason.contains(expected.2), "at {second} s: {reason}");
        let age_ms = now.since(running.timestamp.unwrap());
        assert!(age_ms < i64::from(VALID_S) * 1000, "the plan on the road has run out");
    }
}

#[test]
fn limits_of_the_schedule_bound_tactical_control_too() {
    let (mut planner, _) = with_schedule(DAY);
    let plan = sent(&mut planner).pop().unwrap();
    let ranges: Vec<_> =
        plan.stages.iter().flatten().map(|stage| (stage.min_green_s, stage.max_green_s)).collect();
    assert_eq!(ranges, [(Some(7.0), Some(9.0)); 4]);
}

#[test]
fn an_override_stands_above_the_schedule() {
    let (mut planner, midnight) = with_schedule(DAY);
    sent(&mut planner);
    let start = midnight + 7 * 3_600_000 + 3_000_000;
    planner.start_override(J, manual(vec![30.0, 20.0, 25.0, 25.0], 100.0, start + 1_800_000), start).unwrap();
    sent(&mut planner);
    for second in 0..1800 {
        planner.handle_timeout(start + second * 1000);
        assert!(
            sent(&mut planner).iter().all(|plan| !plan.ends_override),
            "the schedule's plan waits for the override's end"
        );
        assert!(planner.running_override(J).is_some());
    }
    let automatic = planner.end_override(J, start + 1_200_000).unwrap();
    assert!(automatic.ends_override && automatic.reason.unwrap().contains("School"));
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_planning() {
    let (mut planner, midnight) = with_schedule(DAY);
    sent(&mut planner);
    let eight = midnight + 8 * 3_600_000;
    planner.handle_timeout(eight);
    assert!(sent(&mut planner).pop().unwrap().reason.unwrap().contains("School"));
    // By an hour: it is seven again, and what was sent seems to lie ahead.
    planner.handle_timeout(eight + -3_600_000);
    assert!(sent(&mut planner).pop().unwrap().reason.unwrap().contains("base cycle"));
    assert!(planner.next_timeout().unwrap() <= eight + -3_600_000 + PLAN_EVERY_MS);
    planner.handle_timeout(eight + -1000);
    sent(&mut planner);
    planner.handle_timeout(eight);
    assert!(sent(&mut planner).pop().unwrap().reason.unwrap().contains("School"));
}

#[test]
fn a_changed_schedule_reaches_a_device_that_is_online() {
    let (mut planner, midnight) = with_schedule(DAY);
    let before = sent(&mut planner).pop().unwrap();
    let limits = Limits { min_cycle_s: 30, max_cycle_s: 120 };
    planner.add_site(Site::new(junction(), limits, 60, None, midnight + 5000));
    planner.handle_timeout(midnight + 5000);
    let after = sent(&mut planner).pop().unwrap();
    assert!(after.plan_id != before.plan_id && after.reason.unwrap().contains("base cycle"));
}

#[test]
fn a_fixed_plan_that_no_longer_fits_is_left_out_and_named() {
    let entries: Vec<Entry> = serde_json::from_str(DAY).unwrap();
    let schedule = Schedule { zone: chrono_tz::Tz::Asia__Kolkata, entries, ..Schedule::default() };
    let eight = UnixMs::parse("2026-02-10T08:00:00+05:30").unwrap();
    let short = Limits { min_cycle_s: 30, max_cycle_s: 60 };
    let proposed = Site::new(junction(), short, 60, None, eight).with_schedule(schedule).propose(eight);
    assert_eq!(proposed.stages.iter().map(|stage| stage.green_s).collect::<Vec<_>>(), [10; 4]);
    assert!(
        proposed.explanation.sentence.contains("\"School\" does not fit the junction: the cycle of 80 s")
    );
}
