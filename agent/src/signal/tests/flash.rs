//! Flash on request, whenever somebody asks for it.

use super::{at, build, four_way_spec, overlapping_spec};
use crate::config::FallbackTable;
use crate::interlock::Interlock;
use crate::signal::{Controller, Fallback};
use flextraff_common::junction::JunctionSpec;
use flextraff_common::wire::{Aspect, ControllerState};

/// Asks for flash at a second, and for operation 40 s later; gives when flash began and when a green came after it.
fn asked_at(spec: &JunctionSpec, second: i32) -> (i32, i32) {
    let junction = build(spec);
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
        if now >= second && shown.state == ControllerState::Flash {
            assert!(flash.is_none() || green.is_none(), "once");
            flash.get_or_insert(now);
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
            let (flash, green) = asked_at(&spec, second);
            // At worst a change has just begun: clearance, shortest green, amber, all red.
            assert!((0..=5 + 7 + 5).contains(&(flash - second)), "asked at {second}: flash at {flash}");
            assert_eq!(green, second + 40 + 12, "start-up");
        }
    }
}
