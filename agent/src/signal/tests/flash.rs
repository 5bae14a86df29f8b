//! Flash on request, whenever somebody asks for it.

use super::{at, build, four_way_spec, intergreen, overlapping_spec};
use crate::config::FallbackTable;
use crate::interlock::Interlock;
use crate::signal::{Controller, Fallback};
use flextraff_common::junction::JunctionSpec;
use flextraff_common::wire::{Aspect, ControllerState};

/// Asks for flash at a second, and for operation 40 s later; gives when flash began and when a green came after it. From the end of each
/// group's green to flash pass as many seconds as `least` says.
fn asked_at(spec: &JunctionSpec, second: i32, least: &[i32]) -> (i32, i32) {
    let junction = build(spec);
    let mut green_until = vec![None; least.len()];
    let mut interlock = Interlock::new(&junction, true);
    let fallback = Fallback::new(Vec::<FallbackTable>::new(), chrono_tz::UTC);
    let mut controller = Controller::new(junction, fallback, at(-12.0));
    let (mut flash, mut green) = (None, None);
    for now in -12..second + 100 {
        if now == second {
            controller.handle_flash(true, at(f64::from(now)));
        }
        if now == second + 40 {
            controller.handle_flash(false, at(f64::from(now)));
        }
        controller.handle_timeout(at(f64::from(now)));
        let shown = controller.shown();
        interlock
            .check(&shown.lamps, at(f64::from(now)).mono)
            .unwrap_or_else(|trip| panic!("asked at {second}, {now}: {trip}"));
        for (until, _) in
            green_until.iter_mut().zip(&shown.lamps).filter(|(_, aspect)| **aspect == Aspect::Green)
        {
            *until = Some(now + 1);
        }
        if now >= second && shown.state == ControllerState::Flash {
            assert!(flash.is_none() || green.is_none(), "once");
            flash.get_or_insert(now);
            for (until, least) in green_until.iter().zip(least) {
                assert!(
                    until.is_none_or(|until| now - until >= *least),
                    "asked at {second}: flash at {now}, green until {green_until:?}"
                );
            }
        }
        if flash.is_some() && shown.lamps.contains(&Aspect::Green) {
            green.get_or_insert(now);
        }
        assert_eq!(controller.wants_flash(), (second..second + 40).contains(&now));
        assert!(!controller.flashes_on_request() || controller.level().is_none());
    }
    (flash.expect("it flashes"), green.expect("it goes on"))
}

#[test]
fn whenever_somebody_asks_flash_comes_soon_and_breaks_no_rule() {
    for spec in [four_way_spec(), overlapping_spec()] {
        for second in -12..130 {
            let (flash, green) = asked_at(&spec, second, &vec![5; spec.groups.len().max(4)]);
            // At worst a change has just begun: clearance, shortest green, amber, all red.
            assert!((0..=5 + 7 + 5).contains(&(flash - second)), "asked at {second}: flash at {flash}");
            assert_eq!(green, second + 40 + 12, "start-up");
        }
    }
}

#[test]
fn flash_waits_until_pedestrians_and_slow_streams_are_gone() {
    let mut spec = overlapping_spec();
    spec.groups[4].clearance_s = Some(20.0);
    spec.intergreens.push(intergreen("E", "N", 9.0));
    assert_eq!(
        build(&spec).longest_end_s(),
        9 + 7 + 23,
        "a change to A from C, its shortest green, P's clearance"
    );
    for second in -12..130 {
        asked_at(&spec, second, &[5, 5, 5, 9, 23]);
    }
}
