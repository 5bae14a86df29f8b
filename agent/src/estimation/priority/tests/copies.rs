//! Tags that were read in two places.

use super::*;
use crate::config::{Config, parse};
use flextraff_common::wire::{DemandDeparted, DemandRead};
use proptest::prelude::*;
use std::path::Path;
use uuid::Uuid;

const NEIGHBOUR: JunctionId = JunctionId(Uuid::from_u128(2));

/// Lanes N1, N2 (of one approach), S and E, whose approach is not said; advance zones 120 m upstream; a neighbour 330 m away.
fn config() -> Config {
    let lane = |id: u32, name: &str, direction: &str| {
        let direction =
            if direction.is_empty() { String::new() } else { format!("direction = \"{direction}\"\n") };
        format!(
            "[[lane]]\nid = \"00000000-0000-4000-8000-0000000000{id}\"\nname = \"{name}\"\n{direction}advance_m = 120\n\
             [[stage]]\nname = \"{name}\"\nlanes = [\"{name}\"]\n"
        )
    };
    let text = format!(
        "[junction]\nid = \"00000000-0000-4000-8000-000000000001\"\nname = \"Test\"\n{}{}{}{}\
         [[link]]\njunction = \"{NEIGHBOUR}\"\ndirection = \"from\"\nlanes = [\"N1\"]\ndistance_m = 330\n\
         [device]\nid = \"00000000-0000-4000-8000-0000000000d1\"\n[output]\ndriver = \"virtual\"\n",
        lane(11, "N1", "N"),
        lane(12, "N2", "N"),
        lane(13, "S", "S"),
        lane(14, "E", ""),
    );
    parse(Path::new("agent.toml"), &text).expect("the test's configuration is right")
}

const N1: usize = 0;
const N2: usize = 1;
const S: usize = 2;
const E: usize = 3;

fn at(seconds: f64) -> Moment {
    let ms = (seconds * 1000.0).round() as i64;
    Moment { mono: MonoMs(ms), wall: UnixMs(ms), clock: ClockState::Synced }
}

fn see(priority: &mut Priority, number: u32, lane: usize, zone: ZoneName, seconds: f64) {
    priority.see(&read(number, lane, zone), at(seconds));
    priority.handle_timeout(at(seconds).mono, |_| true);
}

/// What a neighbour sends when it has read a vehicle at a stop line so many seconds ago.
fn told(number: u32, sent: f64, ago_s: Option<f64>) -> Demand {
    let epc = epc(number).to_string();
    let mut demand = Demand::new(flextraff_common::ids::DeviceId(Uuid::nil()), at(sent).wall);
    match ago_s {
        None => {
            demand.reads.push(DemandRead { lane: "W".into(), zone: ZoneName::StopLine, epc, watched: None });
        }
        Some(ago_s) => demand.departed.push(DemandDeparted { lane: "W".into(), epc, ago_s }),
    }
    demand
}

fn copied(priority: &mut Priority) -> usize {
    alarms(priority).iter().filter(|kind| **kind == AlarmKind::TagInTwoPlaces).count()
}

#[test]
fn neighbouring_antennas_and_a_vehicle_on_its_way_across_are_no_copies() {
    let mut priority = watching(Priority::new(&config()));
    for tenth in 0..200 {
        see(
            &mut priority,
            10,
            if tenth % 2 == 0 { N1 } else { N2 },
            ZoneName::StopLine,
            f64::from(tenth) / 10.0,
        );
    }
    // Lanes of which it is not known whether they lie beside each other.
    for tenth in 0..200 {
        see(
            &mut priority,
            11,
            if tenth % 2 == 0 { N1 } else { E },
            ZoneName::StopLine,
            f64::from(tenth) / 10.0,
        );
    }
    // From N to S, with both antennas hearing it for four seconds.
    for tenth in 200..240 {
        see(
            &mut priority,
            12,
            if tenth % 2 == 0 { N1 } else { S },
            ZoneName::StopLine,
            f64::from(tenth) / 10.0,
        );
    }
    // From the advance zone to the stop line at 120 km/h.
    see(&mut priority, 13, N1, ZoneName::Advance, 300.0);
    see(&mut priority, 13, N1, ZoneName::StopLine, 303.6);
    assert_eq!(copied(&mut priority), 0);
}

#[test]
fn two_zones_that_are_too_far_apart_are_an_alarm() {
    // 120 m less what two antennas reach take 1.8 s at 180 km/h; to the advance zone of another approach it is twice as far.
    for (from, to, seconds, copies) in [
        ((N1, ZoneName::Advance), (N1, ZoneName::StopLine), 1.7, 1),
        ((N1, ZoneName::Advance), (N2, ZoneName::StopLine), 1.9, 0),
        ((N1, ZoneName::StopLine), (S, ZoneName::Advance), 1.7, 1),
        ((N1, ZoneName::Advance), (S, ZoneName::Advance), 4.1, 1),
        ((N1, ZoneName::Advance), (S, ZoneName::Advance), 4.3, 0),
        ((N1, ZoneName::Advance), (E, ZoneName::Advance), 0.1, 0),
        ((N1, ZoneName::Advance), (N2, ZoneName::Advance), 0.1, 0),
    ] {
        let mut priority = watching(Priority::new(&config()));
        see(&mut priority, 10, from.0, from.1, 10.0);
        see(&mut priority, 10, to.0, to.1, 10.0 + seconds);
        assert_eq!(copied(&mut priority), copies, "{from:?} to {to:?} in {seconds} s");
    }
}

#[test]
fn a_tag_that_two_approaches_read_again_and_again_is_an_alarm_once_in_five_minutes() {
    let mut priority = watching(Priority::new(&config()));
    let mut found = Vec::new();
    for second in 0..400 {
        see(&mut priority, 10, N1, ZoneName::StopLine, f64::from(second));
        see(&mut priority, 10, S, ZoneName::StopLine, f64::from(second) + 0.5);
        found.extend((0..copied(&mut priority)).map(|_| second));
    }
    assert_eq!(found, [4, 304]);
}

#[test]
fn a_tag_at_a_neighbour_that_is_too_far_away_is_an_alarm_whoever_comes_first() {
    // 300 m take 6 s.
    let far = |first_here: bool, apart: f64, ago_s: Option<f64>| {
        let mut priority = watching(Priority::new(&config()));
        let tell = |priority: &mut Priority, seconds: f64| {
            let sent = seconds + ago_s.unwrap_or(0.5);
            priority.hear(NEIGHBOUR, &told(10, sent, ago_s), at(sent + 0.1));
        };
        if first_here {
            see(&mut priority, 10, N1, ZoneName::StopLine, 20.0);
            tell(&mut priority, 20.0 + apart);
        } else {
            tell(&mut priority, 20.0);
            see(&mut priority, 10, N1, ZoneName::StopLine, 20.0 + apart);
        }
        copied(&mut priority)
    };
    assert_eq!((far(true, 3.0, None), far(false, 3.0, None)), (1, 1));
    assert_eq!((far(true, 3.0, Some(2.0)), far(false, 3.0, Some(2.0))), (1, 1));
    assert_eq!((far(true, 6.1, None), far(false, 6.1, None)), (0, 0));
    assert_eq!((far(true, 6.1, Some(2.0)), far(false, 6.1, Some(2.0))), (0, 0));
}

#[test]
fn what_a_neighbour_presumes_says_wrongly_or_says_late_is_no_alarm() {
    let mut priority = watching(Priority::new(&config()));
    see(&mut priority, 10, N1, ZoneName::StopLine, 20.0);
    // It has not read who it says has just left.
    priority.hear(NEIGHBOUR, &told(10, 21.0, Some(0.0)), at(21.0));
    // A message of a journey that began 20 s before was held up.
    priority.hear(NEIGHBOUR, &told(10, 1.0, None), at(20.5));
    // Its clock is slow by 20 s: on its way there it was read after 30 s.
    priority.hear(NEIGHBOUR, &told(10, 30.0, None), at(50.0));
    // It is no neighbour.
    priority.hear(JunctionId(Uuid::from_u128(3)), &told(10, 21.0, None), at(21.0));
    // Nobody is sure of the time.
    let unsure = Moment { clock: ClockState::Unsynced, ..at(21.0) };
    priority.hear(NEIGHBOUR, &told(10, 21.0, None), unsure);
    assert_eq!(copied(&mut priority), 0);
    priority.hear(NEIGHBOUR, &told(10, 21.0, None), at(21.0));
    assert_eq!(copied(&mut priority), 1, "all of it would else have been");
    priority.hear(NEIGHBOUR, &told(77, 21.0, None), at(21.0));
    priority.see(&read(77, N1, ZoneName::StopLine), at(21.5));
    assert_eq!(copied(&mut priority), 0, "nobody watches for it");
}

#[test]
fn a_copied_bus_gets_no_priority_for_a_quarter_of_an_hour_and_an_ambulance_does() {
    let mut priority = watching(Priority::new(&config()));
    for number in [1, 10] {
        see(&mut priority, number, N1, ZoneName::Advance, 20.0);
        assert!(running(&priority).contains(&number));
        see(&mut priority, number, N1, ZoneName::StopLine, 20.5);
    }
    assert_eq!(running(&priority), [10], "the bus has lost what it had, the ambulance has not");
    assert_eq!(alarms(&mut priority), [AlarmKind::TagInTwoPlaces; 2]);
    priority.handle_timeout(at(200.0).mono, |_| false);
    see(&mut priority, 1, N1, ZoneName::StopLine, 500.0);
    see(&mut priority, 10, N1, ZoneName::StopLine, 500.0);
    assert_eq!(running(&priority), [10], "within its usual limits");
    priority.handle_timeout(at(700.0).mono, |_| false);
    see(&mut priority, 1, N1, ZoneName::StopLine, 919.0);
    assert!(running(&priority).is_empty());
    see(&mut priority, 1, N1, ZoneName::StopLine, 921.0);
    assert_eq!(running(&priority), [1]);
}

proptest! {
    #[test]
    fn a_single_vehicle_is_never_a_copy(
        metres_s in 1.0_f64..45.0,
        stop_s in 0.0_f64..200.0,
        late_s in 0.0_f64..30.0,
        clock_s in -100.0_f64..100.0,
        from_neighbour in any::<bool>(),
    ) {
        // A clock that is wrong by just what a message was held up by cannot be told from one that is right.
        prop_assume!((late_s - clock_s).abs() > 2.1 || late_s < 0.5);
        // 330 m from the neighbour's stop line, past the advance zone at 120 m, across to S; each antenna reads 15 m around itself.
        let mut priority = watching(Priority::new(&config()));
        let there_s = if from_neighbour { 100.0 } else { 100.0 + 360.0 / metres_s + stop_s };
        let here_s = if from_neighbour { 100.0 + 330.0 / metres_s } else { 100.0 + 30.0 / metres_s };
        let mut events = Vec::new();
        let reach_s = 15.0 / metres_s;
        let mut pass = |lane, zone, from: f64, until: f64| {
            let mut seconds = from;
            while seconds <= until {
                events.push((seconds, Some((lane, zone))));
                seconds += 0.3;
            }
        };
        if from_neighbour {
            let advance_s = 100.0 + 210.0 / metres_s;
            pass(N1, ZoneName::Advance, advance_s - reach_s, advance_s + reach_s);
        }
        pass(N1, ZoneName::StopLine, here_s - reach_s, here_s + stop_s + reach_s);
        pass(S, ZoneName::StopLine, here_s + stop_s + reach_s, here_s + stop_s + 3.0 * reach_s);
        let tells = there_s + late_s;
        events.push((tells, None));
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (seconds, place) in events {
            match place {
                Some((lane, zone)) => see(&mut priority, 10, lane, zone, seconds),
                None => priority.hear(NEIGHBOUR, &told(10, there_s + clock_s, None), at(seconds)),
            }
        }
        prop_assert_eq!(copied(&mut priority), 0);
    }
}

#[test]
fn on_its_way_out_past_another_approach_it_asks_for_nothing_there() {
    let mut priority = watching(Priority::new(&config()));
    (0..4).for_each(|tenth| see(&mut priority, 11, N1, ZoneName::StopLine, 1.0 + f64::from(tenth) / 10.0));
    (0..20).for_each(|tenth| see(&mut priority, 11, S, ZoneName::StopLine, 4.0 + f64::from(tenth) / 10.0));
    assert_eq!(priority.asks().map(|(lane, _)| lane.index()), Some(N1));
    // One stray read there before it comes to its own stop line is another matter.
    see(&mut priority, 12, S, ZoneName::StopLine, 200.0);
    priority.handle_timeout(at(130.0).mono, |_| false);
    (0..3).for_each(|tenth| see(&mut priority, 12, N2, ZoneName::StopLine, 200.1 + f64::from(tenth) / 10.0));
    assert_eq!(priority.asks().map(|(lane, _)| lane.index()), Some(N2));
}
