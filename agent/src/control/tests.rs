mod watched;

use super::*;
use crate::config::sample::two_lanes;
use crate::estimation::{LaneTraffic, Traffic};
use crate::signal::tests::{at, four_way};
use flextraff_common::epc::Epc;
use flextraff_common::ids::DeviceId;
use flextraff_common::junction::{LaneIx, StageIx};
use flextraff_common::traffic::{Arrival, LaneQueue, StageSet};
use flextraff_common::wire::{ControlLevel, ControllerState, DemandGreen, DemandLane, ZoneName};
use std::ops::Range;

/// One reader for both stop lines, and a junction to which E leads.
const READER: &str = r#"
[[reader]]
name = "mast"
port = "virtual"
lanes = { "1" = "N", "2" = "E" }
[output]
driver = "virtual"
[[link]]
junction = "00000000-0000-4000-8000-000000000002"
direction = "to"
lanes = ["E"]
distance_m = 300
"#;

const NEIGHBOUR: &str = "00000000-0000-4000-8000-000000000002";

fn control() -> Control {
    control_of(READER)
}

fn control_of(reader: &str) -> Control {
    let mut control = Control::new(&two_lanes(reader), false, at(-12.0));
    control.handle_reader(0, true, at(-12.0).mono);
    control
}

/// Lets four vehicles stand at E from zero on; the length of N's first green, and every defect with the second in which it was told.
fn first_green(control: &mut Control, until: i32) -> (i64, Vec<(i32, String)>) {
    let mut defects = Vec::new();
    let green_s = first_green_with(control, until, |control, second| {
        control.handle_timeout(at(f64::from(second)));
        defects.extend(std::iter::from_fn(|| control.take_defect()).map(|defect| (second, defect)));
    });
    (green_s.expect("its end"), defects)
}

/// The same, with what happens before the vehicles of each second; `None`: it has not ended.
fn first_green_with(
    control: &mut Control,
    until: i32,
    mut each: impl FnMut(&mut Control, i32),
) -> Option<i64> {
    let (mut began, mut ended) = (None, None);
    for second in -12..until {
        each(control, second);
        while let Some(event) = control.poll() {
            let SignalEvent::Shown(shown) = event else { continue };
            match shown.state {
                ControllerState::Green => began = began.or(Some(shown.at)),
                ControllerState::Amber => ended = ended.or(Some(shown.at)),
                _ => {}
            }
        }
        stand_at_e(control, if second < 0 { 0 } else { 4 }, at(f64::from(second)));
    }
    let began = began.expect("a green");
    ended.map(|ended| ended.since(began) / 1000)
}

fn stand_at_e(control: &mut Control, tags: u32, now: Moment) {
    stand_at(control, 1, tags, now);
}

fn stand_at(control: &mut Control, lane: usize, tags: u32, now: Moment) {
    for tag in 0..tags {
        let epc = format!("34161FA8203E7CB2{:08X}", 0x0200_0000 | (tag << 5)).parse().expect("an EPC");
        let lane = LaneIx::new(lane);
        control.handle_read(&Read { lane, zone: ZoneName::StopLine, epc, rssi: None, at: now.mono });
    }
}

/// Lets them stand on; the level that decides at the end.
fn level_after(control: &mut Control, seconds: Range<i32>) -> Option<ControlLevel> {
    for now in seconds.map(|second| at(f64::from(second))) {
        control.handle_timeout(now);
        stand_at_e(control, 4, now);
    }
    control.controller.level()
}

#[test]
fn without_a_defect_the_queue_is_served_early() {
    let (green_s, defects) = first_green(&mut control(), 40);
    assert!((7..=9).contains(&green_s), "{green_s} s");
    assert_eq!(defects, []);
}

#[test]
fn neighbours_are_told_when_somebody_will_leave_towards_them() {
    let mut control = control();
    first_green(&mut control, 8);
    let told: Vec<_> =
        std::iter::from_fn(|| control.poll_demand()).flat_map(|told| told.departures).collect();
    let [told] = &told[..] else { panic!("one lane of E leads to one junction: {told:?}") };
    assert_eq!((told.to_junction.to_string(), told.lane.as_deref()), (NEIGHBOUR.to_owned(), Some("E")));
    // N's green is over at 7 s; then amber and all-red, and half of four vehicles, the second of them after more than the 10 s that are told.
    assert_eq!(told.in_s.len(), 1, "{:?}", told.in_s);
    assert!((4.0..8.0).contains(&told.in_s[0]), "{:?}", told.in_s);
}

#[test]
fn neighbours_are_told_which_lanes_flow() {
    let mut control = control();
    let mut told = Vec::new();
    for second in -12..12 {
        control.handle_timeout(at(f64::from(second)));
        let demand = std::iter::from_fn(|| control.poll_demand()).last().expect("told every second");
        told.push((second, demand.greens));
        if second >= 0 {
            stand_at_e(&mut control, 4, at(f64::from(second)));
        }
    }
    let of = |lane: &str| -> Vec<(i32, f64, Option<f64>)> {
        let each = told
            .iter()
            .flat_map(|(second, greens)| greens.iter().flatten().map(move |green| (second, green)));
        let of_lane = each.filter(|(_, green)| green.lane == lane);
        of_lane.map(|(second, green)| (*second, green.in_s, green.until_s)).collect()
    };
    assert!(told[0].1.is_none(), "at start-up nobody can say: {:?}", told[0]);
    assert!(told.iter().all(|(second, greens)| *second < 0 || greens.is_some()), "then it always does");
    let (n, e) = (of("N"), of("E"));
    assert!(n.contains(&(0, 0.0, None)) && n.iter().all(|(second, ..)| *second < 8), "{n:?}");
    let (second, in_s, until_s) = e[0];
    assert!((5..=7).contains(&second) && in_s > 0.0 && until_s.is_none(), "when it is decided: {e:?}");
    assert!(e.windows(2).all(|pair| pair[1].1 <= pair[0].1), "it comes nearer: {e:?}");
}

/// Lane A, to which E leads, is 30 m long and full, and says how it goes on there; the length of N's first green, how
/// many were announced, and why it was so at 15 s.
fn first_green_towards(greens: &[DemandGreen]) -> (Option<i64>, usize, String) {
    let mut control =
        control_of(&READER.replace("distance_m = 300", "distance_m = 30\ntheir_lanes = [\"A\"]"));
    let junction: JunctionId = NEIGHBOUR.parse().expect("an id");
    let full = DemandLane { lane: "A".to_owned(), present: 2.0, inventory: 2.0, capacity: 2.0 };
    let (mut announced, mut why) = (0, String::new());
    let green_s = first_green_with(&mut control, 40, |control, second| {
        let now = at(f64::from(second));
        let demand = Demand {
            lanes: vec![full.clone()],
            greens: Some(greens.to_vec()),
            ..Demand::new(DeviceId(uuid::Uuid::from_u128(7)), now.wall)
        };
        control.handle_demand(junction, &demand, now);
        control.handle_timeout(now);
        if let Some(decision) = control.controller.take_decision().filter(|_| second == 15) {
            why = decision.sentence(&control.config.junction);
        }
        announced += std::iter::from_fn(|| control.poll_demand()).flat_map(|told| told.departures).count();
    });
    (green_s, announced, why)
}

#[test]
fn nobody_is_let_into_a_full_short_lane_until_it_flows_and_who_waits_for_it_is_announced() {
    let green = DemandGreen { lane: "A".to_owned(), in_s: 6.0, until_s: None, meant: false };
    let (soon_s, ..) = first_green_towards(&[green]);
    let (never_s, announced, why) = first_green_towards(&[]);
    assert!(
        soon_s.is_some_and(|soon_s| (7..=9).contains(&soon_s)),
        "it flows by the time they come: {soon_s:?}"
    );
    assert_eq!(never_s, None, "N keeps its green");
    assert!(announced > 20, "each second, that the neighbour may make room: {announced}");
    assert!(why.contains("stay in N") && why.contains("With room ahead: go to E now: "), "{why}");
}

#[test]
fn a_defect_in_estimation_leaves_actuation_and_is_told_once_a_minute() {
    let mut control = control();
    control.hook = |_| panic!("a defect");
    let (green_s, defects) = first_green(&mut control, 100);
    assert_eq!(green_s, 7, "nobody was read at N, and there are calls at E");
    assert_eq!(control.controller.level(), Some(ControlLevel::Actuated));
    let told: Vec<i32> = defects.iter().map(|(second, _)| *second).collect();
    assert_eq!(told, [-12, 48]);
    assert!(defects.iter().all(|(_, defect)| defect == "a defect"));
}

#[test]
fn after_a_defect_estimation_begins_anew_with_the_readers_and_lamps_as_they_are() {
    let mut control = control();
    control.hook = |second| assert!(second != at(3.0).mono, "once");
    let (green_s, defects) = first_green(&mut control, 40);
    assert!((7..=9).contains(&green_s), "the readers still count as working: {green_s} s");
    assert_eq!(defects, [(3, "once".to_owned())]);
    assert_eq!(control.controller.level(), Some(ControlLevel::Actuated), "it rests for a minute");
    assert_eq!(level_after(&mut control, 40..64), Some(ControlLevel::RollingHorizon));
}

#[test]
fn without_a_working_reader_a_defect_in_estimation_leaves_the_planned_greens() {
    let mut control = control();
    control.hook = |_| panic!("a defect");
    control.handle_reader(0, false, at(-12.0).mono);
    assert_eq!(first_green(&mut control, 40).0, 25);
    assert_eq!(control.controller.level(), Some(ControlLevel::Fixed));
}

#[test]
fn a_defect_in_the_search_leaves_the_greedy_rule_and_one_there_actuation() {
    let search = [ControlLevel::RollingHorizon];
    let both = [ControlLevel::RollingHorizon, ControlLevel::Greedy];
    for (broken, level) in [(&search[..], ControlLevel::Greedy), (&both[..], ControlLevel::Actuated)] {
        let mut control = control();
        control.controller.set_broken(broken);
        let (green_s, defects) = first_green(&mut control, 20);
        assert!((7..=9).contains(&green_s), "{green_s} s");
        let told: Vec<_> = defects.into_iter().map(|(_, defect)| defect).collect();
        let expected: Vec<_> = broken.iter().map(|level| format!("{}: a defect", level.name())).collect();
        assert_eq!(told, expected);
        assert_eq!(control.controller.level(), Some(level));
        control.controller.set_broken(&[]);
        assert_eq!(level_after(&mut control, 20..80), Some(ControlLevel::RollingHorizon), "it climbs back");
    }
}

#[test]
fn a_defect_in_every_level_leaves_the_planned_greens() {
    let fallback = Fallback::new(Vec::new(), chrono_tz::Tz::UTC);
    let mut controller = Controller::new(four_way(), fallback, at(-12.0));
    controller.set_broken(&[ControlLevel::RollingHorizon, ControlLevel::Greedy, ControlLevel::Actuated]);
    controller.handle_watched(&[true; 4]);
    let mut defects = Vec::new();
    for second in -12..30 {
        let now = at(f64::from(second));
        let stages: StageSet = [StageIx::new(0)].into_iter().collect();
        let arrival = Arrival { at_s: 0.0, vehicles: 1.0, weight: 1.0, stages, moving: false };
        let queue = LaneQueue {
            arrivals: vec![arrival],
            headway_s: vec![2.0; 4],
            startup_s: 1.0,
            held_s: Vec::new(),
            served: stages,
            gate: None,
        };
        let lanes = vec![LaneTraffic { queue, green_s: Some(0.0), watched: true }];
        controller.handle_traffic(Traffic { at: now.mono, lanes, silent_s: 0.0 });
        controller.handle_read(LaneIx::new(0), ZoneName::StopLine, now.mono);
        controller.handle_timeout(now);
        defects.extend(std::iter::from_fn(|| controller.take_defect()).map(|(level, _)| (second, level)));
        assert_eq!(controller.take_decision(), None);
    }
    let ended = std::iter::from_fn(|| controller.poll()).find_map(|event| match event {
        SignalEvent::Shown(shown) if shown.state == ControllerState::Amber => Some(shown.at),
        _ => None,
    });
    assert_eq!(ended, Some(at(25.0).mono));
    let levels = [ControlLevel::RollingHorizon, ControlLevel::Greedy, ControlLevel::Actuated];
    assert_eq!(defects, levels.map(|level| (7, level)), "in the first second after the shortest green");
}

#[test]
fn other_readers_and_greens_take_effect_without_a_restart() {
    let mut control = control();
    assert_eq!(level_after(&mut control, -12..20), Some(ControlLevel::RollingHorizon));
    // Without readers the fallback decides, and its tables are the new ones.
    let other = two_lanes("[[fallback]]\ngreens = { \"N\" = 41, \"E\" = 12 }\n");
    control.reconfigure(&other, &[], at(20.0).mono);
    assert_eq!(level_after(&mut control, 20..23), Some(ControlLevel::Fixed));
    let greens: Vec<i64> = greens(&mut control, 23..200);
    assert_eq!(greens[2..5], [41, 12, 41], "from the next cycle on: {greens:?}");
    // Its reader is back, and up as soon as it is said.
    control.reconfigure(&two_lanes(READER), &[None], at(200.0).mono);
    assert_eq!(level_after(&mut control, 200..203), Some(ControlLevel::Fixed));
    control.handle_reader(0, true, at(203.0).mono);
    assert_eq!(level_after(&mut control, 203..260), Some(ControlLevel::RollingHorizon));
    // A reader that stays goes on as it is, also in another place.
    control.reconfigure(&two_lanes(READER), &[Some(0)], at(260.0).mono);
    assert_eq!(level_after(&mut control, 260..263), Some(ControlLevel::RollingHorizon));
    let second = "[[reader]]\nname = \"more\"\nport = \"virtual\"\nlanes = { default = \"N\" }\n";
    control.reconfigure(&two_lanes(&format!("{second}{READER}")), &[None, Some(0)], at(263.0).mono);
    control.handle_reader(0, true, at(263.0).mono);
    assert_eq!(level_after(&mut control, 263..266), Some(ControlLevel::RollingHorizon));
    control.reconfigure(&two_lanes(READER), &[Some(1)], at(266.0).mono);
    assert_eq!(level_after(&mut control, 266..270), Some(ControlLevel::RollingHorizon));
}

/// Lengths of the greens that begin in these seconds, as far as they end.
fn greens(control: &mut Control, seconds: Range<i32>) -> Vec<i64> {
    let (mut began, mut greens) = (None, Vec::new());
    for second in seconds {
        control.handle_timeout(at(f64::from(second)));
        while let Some(event) = control.poll() {
            let SignalEvent::Shown(shown) = event else { continue };
            if shown.state == ControllerState::Green {
                began = Some(shown.at);
            } else if let Some(began) = began.take() {
                greens.push(shown.at.since(began) / 1000);
            }
        }
    }
    greens
}

#[test]
fn actuation_does_not_go_by_a_tag_that_stays() {
    let mut control = control();
    control.hook = |_| panic!("a defect in estimation");
    let epc: Epc = "34161FA8203E7CB202000020".parse().expect("an EPC");
    let mut level = None;
    for second in -12..1000 {
        let now = at(f64::from(second));
        control.handle_timeout(now);
        while control.poll().is_some() {}
        let read = Read { lane: LaneIx::new(1), zone: ZoneName::StopLine, epc, rssi: None, at: now.mono };
        control.handle_read(&read);
        level = control.controller.level();
        if second == 500 {
            assert_eq!(level, Some(ControlLevel::Actuated), "somebody stands there");
        }
    }
    assert_ne!(level, Some(ControlLevel::Actuated), "nobody but a tag that stays for 10 min");
}

#[test]
fn actuation_ends_a_green_whose_antenna_only_hears_the_next_lane() {
    let mut control = control();
    control.hook = |_| panic!("a defect in estimation");
    let green_s = first_green_with(&mut control, 70, |control, second| {
        let now = at(f64::from(second));
        control.handle_timeout(now);
        // The antenna of N hears every other read of those who stand at E.
        if second >= 0 && second % 2 == 0 {
            stand_at(control, 0, 4, now);
        }
    });
    assert_eq!(control.controller.level(), Some(ControlLevel::Actuated));
    assert!(green_s.is_some_and(|green_s| (7..=9).contains(&green_s)), "{green_s:?}");
}
