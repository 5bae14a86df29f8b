//! Vehicles of the watch-list, from the read to the lamps.

use super::*;
use flextraff_common::epc::{Epc, TagKey};
use flextraff_common::wire::{AlarmKind, DemandRead, SignalControl, Watched, WatchedClass};

fn tag() -> Epc {
    "34161FA8203E7CB202000020".parse().expect("an EPC")
}

fn key() -> TagKey {
    TagKey::new([7; 32])
}

/// A junction that looks out for one vehicle, with the two roads of [`READER`] and a neighbour 300 m from E.
fn watching(class: WatchedClass) -> Control {
    watching_at(READER, class)
}

fn watching_at(reader: &str, class: WatchedClass) -> Control {
    let mut control = control_of(reader);
    control.handle_keys(&Keys { watchlist_key: Some(key()), city: Vec::new() });
    let valid_until = at(100_000.0).wall;
    control.handle_watchlist(&Watchlist {
        entries: vec![Watched { tag: key().tag(&tag()), class, valid_until }],
    });
    control
}

fn see(control: &mut Control, lane: usize, seconds: f64) {
    let lane = LaneIx::new(lane);
    let at = at(seconds).mono;
    control.handle_read(&Read { lane, zone: ZoneName::StopLine, epc: tag(), rssi: None, at });
}

/// Starts of greens with the number of their stage, and events with code and parameter; times in seconds.
type Passed = (Vec<(f64, usize)>, Vec<(f64, u16, u32)>);

/// Lets the time pass: starts of greens by the number of their stage, and events of the log.
fn pass(control: &mut Control, until: f64) -> Passed {
    control.handle_timeout(at(until));
    let (mut greens, mut events) = (Vec::new(), Vec::new());
    while let Some(event) = control.poll() {
        match event {
            SignalEvent::Shown(shown) if shown.state == ControllerState::Green => {
                greens.push((shown.at.0 as f64 / 1000.0, shown.stage.expect("a stage").index()));
            }
            SignalEvent::Logged(logged) => {
                events.extend(
                    logged.iter().map(|event| (event.at.0 as f64 / 1000.0, event.code, event.parameter)),
                );
            }
            _ => {}
        }
    }
    greens.dedup_by_key(|(_, stage)| *stage);
    (greens, events)
}

#[test]
fn an_ambulance_is_acted_on_at_its_first_read_also_where_estimation_fails() {
    for hook in [|_| {}, |_: MonoMs| panic!("a defect")] {
        let mut control = watching(WatchedClass::Emergency);
        control.hook = hook;
        pass(&mut control, 9.2);
        see(&mut control, 1, 9.3);
        let (greens, events) = pass(&mut control, 16.0);
        assert_eq!(greens, [(15.0, 1)], "the next second ends N, and its clearance holds");
        let calls: Vec<_> = events.iter().filter(|(_, code, _)| matches!(code, 102 | 105 | 107)).collect();
        assert_eq!(calls, [&(9.3, 102, 2), &(10.0, 105, 2), &(15.0, 107, 2)]);
        assert_eq!(control.controller.shown().control, SignalControl::EmergencyVehicle);
    }
}

#[test]
fn taken_off_the_list_it_is_served_no_longer() {
    let mut control = watching(WatchedClass::Emergency);
    pass(&mut control, 9.2);
    see(&mut control, 1, 9.3);
    pass(&mut control, 16.0);
    see(&mut control, 1, 16.2);
    assert_eq!(control.controller.shown().control, SignalControl::EmergencyVehicle);
    control.handle_watchlist(&Watchlist::default());
    see(&mut control, 1, 16.5);
    let (_, events) = pass(&mut control, 17.0);
    assert!(events.contains(&(16.5, 104, 2)), "{events:?}");
    see(&mut control, 1, 20.0);
    pass(&mut control, 40.0);
    assert_ne!(control.controller.shown().control, SignalControl::EmergencyVehicle);
}

#[test]
fn a_tag_that_a_neighbour_reads_at_the_same_time_is_an_alarm_and_an_event() {
    let mut control = watching(WatchedClass::Emergency);
    pass(&mut control, 9.2);
    see(&mut control, 1, 9.3);
    let now = at(10.5);
    let mut demand = Demand::new(DeviceId(uuid::Uuid::nil()), now.wall);
    let epc = tag().to_string();
    demand.reads.push(DemandRead { lane: "W".to_owned(), zone: ZoneName::StopLine, epc, watched: None });
    let neighbour = JunctionId(NEIGHBOUR.parse().expect("an id"));
    control.handle_demand(neighbour, &demand, now);
    let alarm = control.take_alarm().expect("it is an alarm");
    assert_eq!(
        (alarm.kind, alarm.class, alarm.epc),
        (AlarmKind::TagInTwoPlaces, WatchedClass::Emergency, tag())
    );
    assert_eq!(control.take_alarm(), None);
    see(&mut control, 1, 11.0);
    let (greens, events) = pass(&mut control, 16.0);
    assert!(events.contains(&(10.5, 185, 3)), "{events:?}");
    assert_eq!(greens, [(15.0, 1)], "it is served all the same");
}

#[test]
fn a_bus_in_a_defect_of_estimation_still_has_its_green_early() {
    let green_of_e = |class| {
        let mut control = watching(class);
        control.hook = |_| panic!("a defect");
        let mut greens = Vec::new();
        for second in 0..90 {
            let at = at(f64::from(second) + 0.1).mono;
            let epc = format!("34161FA8203E7CB2{:08X}", 0x0200_0100 | (second << 5)).parse().expect("an EPC");
            control.handle_read(&Read {
                lane: LaneIx::new(0),
                zone: ZoneName::StopLine,
                epc,
                rssi: None,
                at,
            });
            if second > 4 {
                see(&mut control, 1, f64::from(second) + 0.2);
            }
            greens.extend(pass(&mut control, f64::from(second) + 0.9).0);
        }
        greens.into_iter().find(|(_, stage)| *stage == 1).expect("E has green").0 as i64
    };
    assert_eq!(green_of_e(WatchedClass::Transit), 12, "N has its shortest green");
    assert_eq!(green_of_e(WatchedClass::Other), 65, "N has its longest");
}

#[test]
fn a_signal_that_stands_still_makes_no_copy_out_of_a_vehicle() {
    // 100 m in 4 s, for three of which the signal's time stood still; then the same in 1 s.
    for (took_s, still_s, copies) in [(4.0, 3, 0), (1.0, 0, 1)] {
        let reader = READER.replace("\"2\" = \"E\"", "\"2\" = \"N:advance\"");
        let mut control = watching_at(&reader, WatchedClass::Emergency);
        pass(&mut control, 9.2);
        let read = |zone, seconds: f64| Read {
            lane: LaneIx::new(0),
            zone,
            epc: tag(),
            rssi: None,
            at: at(seconds).mono,
        };
        control.handle_read(&read(ZoneName::Advance, 9.3));
        control.handle_still(still_s * 1000);
        control.handle_late_read(&read(ZoneName::StopLine, 9.3));
        control.handle_read(&read(ZoneName::StopLine, 9.3 + took_s - still_s as f64));
        assert_eq!(std::iter::from_fn(|| control.take_alarm()).count(), copies, "{took_s} s");
    }
}
