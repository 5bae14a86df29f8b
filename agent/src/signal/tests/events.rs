//! The high-resolution log: what the lamps show, and why.

use super::property::{Shape, shapes, spec};
use super::*;
use flextraff_common::hires::{EventCode, pattern};
use flextraff_common::junction::LaneIx;
use flextraff_common::wire::{ControllerState, Mode, SignalControl, ZoneName};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Time in seconds, code and parameter, from `from` on.
fn log(road: &Road, from: f64, until: f64) -> Vec<(f64, u16, u32)> {
    let events = road.events.iter().map(|event| (event.at.0 as f64 / 1000.0, event.code, event.parameter));
    events.filter(|(time, ..)| (from..until).contains(time)).collect()
}

#[test]
fn a_stage_change_is_logged_with_its_reason() {
    let mut road = Road::new(four_way());
    road.run(at(60.0));
    assert_eq!(
        log(&road, 0.5, 40.0),
        [
            (7.0, 3, 1),
            (25.0, 6, 1),
            (25.0, 7, 1),
            (25.0, 8, 1),
            (28.0, 9, 1),
            (28.0, 10, 1),
            (30.0, 11, 1),
            (30.0, 12, 1),
            (30.0, 0, 2),
            (30.0, 1, 2),
            (37.0, 3, 2),
        ]
    );
}

#[test]
fn start_up_and_the_first_program_are_logged() {
    let mut road = Road::new(four_way());
    road.run(at(0.0));
    let splits: Vec<_> = (134..138).map(|code| (0.0, code, 30)).collect();
    let mut expected = vec![(-12.0, 173, 7), (0.0, 131, 254), (0.0, 132, 120), (0.0, 133, 0)];
    expected.extend(splits);
    expected.extend([(0.0, 173, 2), (0.0, 0, 1), (0.0, 1, 1)]);
    assert_eq!(log(&road, -12.0, 1.0), expected);
}

#[test]
fn another_plan_and_a_manual_override_are_logged() {
    let mut road = Road::new(four_way());
    let plan = r#"{"stages": [{"stage": "N", "green_s": 35}, {"stage": "S", "green_s": 25},
        {"stage": "E", "green_s": 25}, {"stage": "W", "green_s": 15}], "plan_id": "hand",
        "mode": "manual_override", "offset_s": 12, "valid_s": 200}"#;
    road.plan(plan, at(10.0));
    road.run(at(500.0));
    let of_plans = |code: &u16| matches!(code, 131..=149 | 178);
    let begun: Vec<_> = log(&road, 100.0, 300.0).into_iter().filter(|(_, code, _)| of_plans(code)).collect();
    let number = pattern(Some("hand"));
    assert_eq!(
        begun,
        [
            (120.0, 178, 1),
            (120.0, 131, number),
            (120.0, 133, 12),
            (120.0, 134, 40),
            (120.0, 137, 20),
            (240.0, 178, 0),
            (240.0, 131, 254),
            (240.0, 133, 0),
            (240.0, 134, 30),
            (240.0, 137, 30),
        ],
        "the cycle has 120 s as before"
    );
}

#[test]
fn walking_is_logged_with_its_clearance() {
    let mut spec = overlapping_spec();
    spec.groups[4].clearance_s = Some(4.5);
    let mut road = Road::from_zero(build(&spec));
    road.run(at(60.0));
    let walks: Vec<_> =
        log(&road, 0.0, 60.0).into_iter().filter(|(_, code, _)| (21..=23).contains(code)).collect();
    assert_eq!(walks, [(0.0, 21, 5), (25.0, 22, 5), (29.5, 23, 5)]);
    let of_walkers = |(_, code, phase): &(f64, u16, u32)| *phase == 5 && *code <= 12;
    assert!(!log(&road, 0.0, 60.0).iter().any(of_walkers), "a pedestrian head is no vehicle phase");
}

#[test]
fn what_ends_between_two_seconds_stands_before_what_comes_at_the_second() {
    let mut spec = four_way_spec();
    spec.groups = vec![group("N", GroupKind::Vehicle, &["N"]), group("P", GroupKind::Pedestrian, &[])];
    spec.groups[1].clearance_s = Some(6.5);
    // N follows P at once, at 25 s, and P is clear half a second before N has had its 7 s.
    spec.compatible = vec![compatible("N", "P")];
    spec.stages = vec![stage("1", &["P"]), stage("2", &["N"])];
    let mut road = Road::from_zero(build(&spec));
    road.run(at(40.0));
    assert_eq!(log(&road, 31.0, 33.0), [(31.5, 23, 2), (32.0, 3, 1)]);
}

#[test]
fn a_fault_is_logged_as_flash_and_alarm() {
    let mut road = Road::new(four_way());
    road.run(at(31.0));
    road.controller.handle_fault("the interlock tripped", at(31.25));
    road.drain();
    assert_eq!(log(&road, 31.0, 40.0), [(31.25, 173, 5), (31.25, 174, 16), (31.25, 7, 2), (31.25, 12, 2)]);
}

#[test]
fn what_others_add_is_there_in_its_time() {
    let mut road = Road::new(four_way());
    road.run(at(2.0));
    road.controller.log_event(Event::new(at(2.5).mono, EventCode::PreemptCallOn, 3));
    road.run(at(4.0));
    assert_eq!(log(&road, 2.0, 5.0), [(2.5, 102, 3)]);
}

/// What each group shows by the events: `G`, `a` or `r`.
fn replayed(events: &[Event], groups: usize) -> Vec<(MonoMs, String)> {
    let mut lamps = vec!['r'; groups];
    let mut shown = Vec::new();
    let mut moments: Vec<MonoMs> = events.iter().map(|event| event.at).collect();
    moments.dedup();
    for moment in moments {
        for event in events.iter().filter(|event| event.at == moment) {
            let aspect = match EventCode::from_number(event.code) {
                Some(EventCode::BeginGreen | EventCode::Walk) => 'G',
                Some(EventCode::GreenTermination | EventCode::EndAmber | EventCode::PedClearance) => 'r',
                Some(EventCode::BeginAmber) => 'a',
                _ => continue,
            };
            lamps[event.parameter as usize - 1] = aspect;
        }
        shown.push((moment, lamps.iter().collect()));
    }
    shown
}

/// What somebody asks for besides the plan.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Vehicle(Option<usize>),
    Bus(Option<usize>),
    Panel(bool),
    Advance,
    Flash(bool),
}

fn wishes() -> impl Strategy<Value = Vec<(u32, Wish)>> {
    let wish = prop_oneof![
        4 => prop::option::of(0_usize..8).prop_map(Wish::Vehicle),
        3 => prop::option::of(0_usize..8).prop_map(Wish::Bus),
        1 => any::<bool>().prop_map(Wish::Panel),
        2 => Just(Wish::Advance),
        1 => any::<bool>().prop_map(Wish::Flash),
    ];
    prop::collection::vec((1_u32..400, wish), 0..24)
}

fn obey(road: &mut Road, wish: Wish, now: Moment) {
    let lanes = road.junction.lanes().len();
    let lane = |number: usize| LaneIx::new(number % lanes);
    match wish {
        Wish::Vehicle(number) => {
            let asks = number.map(|number| (lane(number), now.mono + 120_000));
            road.controller.handle_vehicle(asks, now.mono);
        }
        Wish::Bus(number) => {
            let buses: Vec<LaneIx> = number.map(lane).into_iter().collect();
            road.controller.handle_buses(&buses, now.mono);
        }
        Wish::Panel(on) => road.controller.handle_panel(on, 300, now),
        Wish::Advance => road.controller.handle_advance(now),
        Wish::Flash(wanted) => road.controller.handle_flash(wanted, now),
    }
}

/// Whether an emergency holds its stage, by the events so far: its number.
fn held(events: &[Event], until: MonoMs) -> Option<u32> {
    let course = |event: &&Event| event.at <= until && matches!(event.code, 105 | 107 | 111);
    events.iter().rfind(course).filter(|event| event.code == 107).map(|event| event.parameter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_log_plays_the_lamps_again(shape in shapes()) {
        let shape: Shape = shape;
        let Some(junction) = spec(&shape).and_then(|spec| Junction::build(&spec).ok()) else {
            return Ok(());
        };
        let mut road = Road::new(Arc::new(junction));
        road.run(at(600.0));
        plays_again(&road)?;
    }

    #[test]
    fn the_log_plays_emergencies_buses_panel_and_flash_again(shape in shapes(), wishes in wishes()) {
        let Some(junction) = spec(&shape).and_then(|spec| Junction::build(&spec).ok()) else {
            return Ok(());
        };
        let mut road = Road::new(Arc::new(junction));
        let (mut wishes, lanes) = (wishes, road.junction.lanes().len());
        wishes.sort_by_key(|(second, _)| *second);
        road.controller.handle_watched(&vec![true; lanes]);
        let switched: Vec<(MonoMs, bool)> = wishes
            .iter()
            .filter_map(|(second, wish)| match wish {
                Wish::Flash(on) => Some((at(f64::from(*second) + 0.4).mono, *on)),
                _ => None,
            })
            .collect();
        let mut wishes = wishes.into_iter().peekable();
        for second in 0..600_u32 {
            road.run(at(f64::from(second)));
            road.controller.handle_read(LaneIx::new(0), ZoneName::StopLine, at(f64::from(second)).mono);
            while let Some((_, wish)) = wishes.next_if(|(at, _)| *at <= second) {
                obey(&mut road, wish, at(f64::from(second) + 0.4));
                road.drain();
            }
        }
        plays_again(&road)?;
        for shown in &road.shown {
            let target = shown.stage.filter(|_| shown.state == ControllerState::Green && shown.mode == Mode::Emergency);
            let by_log = held(&road.events, shown.at);
            if let Some(number) = by_log {
                prop_assert_eq!(target.map(|stage| stage.index() as u32 + 1), Some(number), "at {:?}", shown.at);
            }
        }
        // When the switch is taken back the lamps start up, and flash for that while the panel may still have the say.
        let wanted = |at: MonoMs| switched.iter().rfind(|(since, _)| *since <= at).is_some_and(|(_, on)| *on);
        let flashes = |shown: &&Shown| {
            matches!(shown.state, ControllerState::Flash) && shown.control == SignalControl::Panel && wanted(shown.at)
        };
        for shown in road.shown.iter().filter(flashes) {
            let state = road.events.iter().rfind(|event| event.code == 173 && event.at <= shown.at);
            prop_assert_eq!(state.map(|event| event.parameter), Some(4), "at {:?}", shown.at);
        }
    }
}

fn plays_again(road: &Road) -> Result<(), TestCaseError> {
    prop_assert!(road.events.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let different: BTreeSet<Event> = road.events.iter().copied().collect();
    prop_assert_eq!(different.len(), road.events.len());
    let replayed = replayed(&road.events, road.junction.groups().len());
    for shown in &road.shown {
        let lamps: String = shown
            .lamps
            .iter()
            .copied()
            .map(letter)
            .map(|lamp| if lamp == 'u' { 'r' } else { lamp })
            .collect();
        if lamps.contains(['f', '.']) {
            continue;
        }
        let played = replayed.iter().rev().find(|(moment, _)| *moment <= shown.at);
        prop_assert_eq!(played.map(|(_, lamps)| lamps.clone()), Some(lamps), "at {:?}", shown.at);
    }
    Ok(())
}
