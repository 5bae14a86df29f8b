use super::*;
use flextraff_common::wire::Watched;

mod copies;

impl Priority {
    /// Takes a read whose time is known.
    fn see(&mut self, read: &Read, now: Moment) {
        self.handle_read(read, None, Some(now.mono), now);
    }

    /// Takes what a neighbour tells.
    fn hear(&mut self, junction: JunctionId, demand: &Demand, now: Moment) {
        self.handle_demand(junction, demand, now.mono, now);
    }
}

fn key() -> TagKey {
    TagKey::new([7; 32])
}

fn epc(number: u32) -> Epc {
    Epc::new(&number.to_be_bytes()).expect("four bytes")
}

fn read(number: u32, lane: usize, zone: ZoneName) -> Read {
    Read { lane: LaneIx::new(lane), zone, epc: epc(number), rssi: None, at: MonoMs(0) }
}

/// A read on the first lane.
fn seen(number: u32) -> Read {
    read(number, 0, ZoneName::Advance)
}

fn now(seconds: i64) -> Moment {
    let ms = seconds * 1000;
    Moment { mono: MonoMs(ms), wall: UnixMs(ms), clock: ClockState::Synced }
}

/// What each of twenty vehicles is; none: it is not on the list.
fn list(class: impl Fn(u32) -> Option<WatchedClass>) -> Watchlist {
    let entry = |number| {
        let tag = key().tag(&epc(number));
        Some(Watched { tag, class: class(number)?, valid_until: UnixMs(1_000_000) })
    };
    Watchlist { entries: (0..20).filter_map(entry).collect() }
}

/// Buses 0 to 9 and ambulances 10 to 19, at a junction of which nothing is known.
fn priority() -> Priority {
    watching(Priority::default())
}

fn watching(mut priority: Priority) -> Priority {
    let class = |number| if number < 10 { WatchedClass::Transit } else { WatchedClass::Emergency };
    priority.handle_watchlist(&list(|number| Some(class(number))));
    priority.handle_keys(&Keys { watchlist_key: Some(key()), city: Vec::new() });
    priority
}

fn alarms(priority: &mut Priority) -> Vec<AlarmKind> {
    std::iter::from_fn(|| priority.take_alarm()).map(|alarm| alarm.kind).collect()
}

/// Whose requests run.
fn running(priority: &Priority) -> Vec<u32> {
    let number = |(epc, _): &(Epc, f64)| {
        u32::from_be_bytes(epc.as_bytes().try_into().expect("the test's tags have four bytes"))
    };
    priority.weights().iter().map(number).collect()
}

#[test]
fn a_stuck_tag_counts_for_two_minutes_in_five() {
    let mut priority = priority();
    let mut counts = Vec::new();
    for second in 0..600 {
        priority.see(&seen(3), now(second));
        priority.handle_timeout(now(second).mono, |_| true);
        if !priority.weights().is_empty() {
            counts.push(second);
        }
    }
    let expected: Vec<i64> = (0..120).chain(300..420).collect();
    assert_eq!(counts, expected);
}

#[test]
fn four_count_at_once_and_a_bus_gives_way_to_an_ambulance() {
    let mut priority = priority();
    (0..6).for_each(|number| priority.see(&seen(number), now(i64::from(number))));
    assert_eq!(running(&priority), [0, 1, 2, 3]);
    priority.see(&seen(10), now(6));
    assert_eq!(running(&priority), [0, 1, 2, 10]);
    assert!(priority.weights()[3].1 > 4.0 * TRANSIT);
    (11..14).for_each(|number| priority.see(&seen(number), now(7)));
    assert_eq!(running(&priority), [10, 11, 12, 13]);
}

#[test]
fn the_fifth_ambulance_at_once_is_an_alarm_and_has_its_turn_when_another_has_left() {
    let mut priority = priority();
    (10..14).for_each(|number| priority.see(&seen(number), now(0)));
    assert_eq!(alarms(&mut priority), []);
    for second in 1..10 {
        priority.see(&seen(14), now(second));
        priority.see(&seen(15), now(second));
        priority.see(&seen(1), now(second));
    }
    assert_eq!(running(&priority), [10, 11, 12, 13]);
    let alarm = priority.take_alarm().map(|alarm| (alarm.kind, alarm.epc));
    assert_eq!(alarm, Some((AlarmKind::TooManyEmergencies, epc(14))));
    assert_eq!(alarms(&mut priority), [], "once, and never for a bus");
    priority.handle_timeout(now(10).mono, |other| *other != epc(11));
    priority.see(&seen(14), now(10));
    assert_eq!(running(&priority), [10, 12, 13, 14]);
    // One that was lost for a moment, and whose place is taken, is refused as well.
    priority.see(&seen(11), now(20));
    assert_eq!(alarms(&mut priority), [], "told of late");
    priority.see(&seen(15), now(302));
    assert_eq!(alarms(&mut priority), [AlarmKind::TooManyEmergencies], "it goes on");
}

#[test]
fn whoever_has_left_makes_room() {
    let mut priority = priority();
    (0..4).for_each(|number| priority.see(&seen(number), now(0)));
    for second in 1..12 {
        priority.handle_timeout(now(second).mono, |other| *other != epc(2));
    }
    assert_eq!(running(&priority), [0, 1, 3]);
    priority.see(&seen(2), now(12));
    assert_eq!(running(&priority), [0, 1, 3], "and comes again after five minutes at the soonest");
    priority.see(&seen(5), now(12));
    assert_eq!(running(&priority), [0, 1, 3, 5]);
}

#[test]
fn only_entries_that_hold_count_and_without_a_clock_they_do() {
    let mut priority = priority();
    priority.see(&seen(77), now(1));
    priority.see(&seen(1), now(1000));
    assert!(running(&priority).is_empty());
    priority.see(&seen(1), Moment { clock: ClockState::Unsynced, ..now(1000) });
    assert_eq!(running(&priority), [1]);
}

#[test]
fn an_entry_that_runs_out_while_its_vehicle_is_served_lasts_as_long_as_the_request() {
    let mut priority = priority();
    priority.see(&seen(10), now(995));
    for second in 996..1110 {
        priority.see(&seen(10), now(second));
        priority.handle_timeout(now(second).mono, |_| false);
        assert_eq!(priority.asks(), Some((LaneIx::new(0), MonoMs(1_115_000))), "at {second}");
    }
    priority.handle_timeout(now(1115).mono, |_| true);
    assert_eq!(priority.asks(), None);
    priority.see(&seen(10), now(1500));
    assert_eq!(priority.asks(), None, "and that was its last");
}

#[test]
fn who_is_taken_off_the_list_or_becomes_something_else_asks_for_nothing_any_more() {
    let mut priority = priority();
    for number in [1, 2, 10] {
        priority.see(&seen(number), now(0));
    }
    assert_eq!(running(&priority), [1, 2, 10]);
    priority.handle_watchlist(&list(|number| match number {
        1 => Some(WatchedClass::Transit),
        2 => Some(WatchedClass::Other),
        _ => None,
    }));
    assert_eq!(running(&priority), [1]);
    assert_eq!(priority.asks(), None);
    for number in [2, 10] {
        priority.see(&seen(number), now(1));
    }
    assert_eq!(running(&priority), [1]);
    priority.handle_watchlist(&list(|_| Some(WatchedClass::Emergency)));
    priority.see(&seen(10), now(2));
    assert_eq!(priority.asks(), None, "back on the list, it has asked within five minutes all the same");
    priority.see(&seen(3), now(2));
    assert!(priority.asks().is_some());
}

#[test]
fn a_bus_that_stands_is_no_alarm_and_one_that_has_left_and_is_back_too_soon_is() {
    let mut priority = priority();
    for second in 0..200 {
        priority.see(&seen(1), now(second));
        priority.handle_timeout(now(second).mono, |_| true);
    }
    assert_eq!(alarms(&mut priority), [], "it stands in a queue");
    priority.see(&seen(2), now(300));
    for second in 300..320 {
        priority.handle_timeout(now(second).mono, |_| false);
    }
    priority.see(&seen(2), now(350));
    assert_eq!(alarms(&mut priority), [], "it may still be read on its way out");
    priority.see(&seen(2), now(440));
    priority.see(&seen(2), now(441));
    assert_eq!(alarms(&mut priority), [AlarmKind::TagTooOften]);
}

#[test]
fn an_emergency_vehicle_asks_for_its_lane_until_it_has_left() {
    let mut priority = priority();
    priority.see(&seen(3), now(0));
    assert_eq!(priority.asks(), None, "a bus asks for nothing");
    priority.see(&read(11, 1, ZoneName::Advance), now(1));
    assert_eq!(priority.asks(), Some((LaneIx::new(1), MonoMs(121_000))));
    priority.see(&read(12, 0, ZoneName::StopLine), now(2));
    priority.see(&read(11, 2, ZoneName::StopLine), now(8));
    assert_eq!(priority.asks(), Some((LaneIx::new(2), MonoMs(121_000))), "the stop line knows better");
    priority.see(&read(11, 1, ZoneName::Advance), now(9));
    assert_eq!(priority.asks(), Some((LaneIx::new(2), MonoMs(121_000))), "than an antenna upstream");
    for second in 9..14 {
        priority.handle_timeout(now(second).mono, |other| *other != epc(11));
    }
    assert_eq!(priority.asks(), Some((LaneIx::new(0), MonoMs(122_000))), "the next one");
    priority.handle_timeout(now(122).mono, |_| true);
    assert_eq!(priority.asks(), None, "its time is over");
    assert_eq!(priority.take_alarm(), None);
}

#[test]
fn the_antenna_of_the_next_lane_gives_no_lane_the_green_of_an_ambulance() {
    for zone in [ZoneName::StopLine, ZoneName::Advance] {
        let mut priority = priority();
        let asks = |priority: &Priority| priority.asks().map(|(lane, _)| lane.index());
        let mut second = 1;
        let mut hears = |priority: &mut Priority, lane| {
            second += 1;
            priority.see(&read(11, lane, zone), now(second));
            priority.handle_timeout(now(second).mono, |_| true);
        };
        hears(&mut priority, 1);
        assert_eq!(asks(&priority), Some(1), "the first read acts");
        (0..2).for_each(|_| hears(&mut priority, 0));
        assert_eq!(asks(&priority), Some(0), "the lane by which most reads are");
        for _ in 0..10 {
            for lane in [0, 0, 1] {
                hears(&mut priority, lane);
            }
            assert_eq!(asks(&priority), Some(0), "one that hears it now and then changes nothing");
        }
        // It changes lanes.
        (0..6).for_each(|_| hears(&mut priority, 2));
        assert_eq!(asks(&priority), Some(2));
    }
}

#[test]
fn an_ambulance_of_which_only_a_stray_read_has_told_asks_again_in_its_own_lane() {
    let mut priority = priority();
    priority.see(&read(11, 1, ZoneName::StopLine), now(1));
    (2..9).for_each(|second| priority.handle_timeout(now(second).mono, |_| false));
    assert_eq!(priority.asks(), None, "nobody knows of it");
    priority.see(&read(11, 0, ZoneName::StopLine), now(12));
    assert_eq!(priority.asks().map(|(lane, _)| lane.index()), Some(0));
}

#[test]
fn of_two_antennas_the_stronger_knows_the_lane_of_an_ambulance_at_once() {
    let mut priority = priority();
    let hears = |lane, rssi| Read { rssi: Some(rssi), ..read(11, lane, ZoneName::StopLine) };
    priority.see(&hears(1, -65.0), now(1));
    priority.see(&hears(0, -55.0), now(1));
    assert_eq!(priority.asks().map(|(lane, _)| lane.index()), Some(0));
    for second in 2..10 {
        for read in [hears(0, -55.0), hears(1, -65.0)] {
            priority.see(&read, now(second));
        }
        assert_eq!(priority.asks().map(|(lane, _)| lane.index()), Some(0));
    }
}

#[test]
fn an_emergency_vehicle_that_was_lost_on_the_way_asks_again_within_its_time() {
    let mut priority = priority();
    priority.see(&read(11, 1, ZoneName::Advance), now(1));
    for second in 2..9 {
        priority.handle_timeout(now(second).mono, |_| false);
    }
    assert_eq!(priority.asks(), None, "nobody knows of it");
    priority.see(&read(11, 2, ZoneName::StopLine), now(16));
    assert_eq!(priority.asks(), Some((LaneIx::new(2), MonoMs(121_000))), "it ends as it would have ended");
    assert_eq!(priority.take_alarm(), None);
    priority.handle_timeout(now(121).mono, |_| true);
    priority.see(&read(11, 2, ZoneName::StopLine), now(122));
    assert_eq!(priority.asks(), None);
    // One that was read at its stop line is read at its exit on its way out.
    (0..3).for_each(|_| priority.see(&read(12, 1, ZoneName::StopLine), now(130)));
    (131..138).for_each(|second| priority.handle_timeout(now(second).mono, |_| false));
    priority.see(&read(12, 3, ZoneName::StopLine), now(140));
    assert_eq!(priority.asks(), None);
    priority.see(&read(12, 1, ZoneName::StopLine), now(141));
    assert_eq!(priority.asks(), Some((LaneIx::new(1), MonoMs(250_000))), "and here it stands still");
    priority.handle_timeout(now(190).mono, |_| false);
    // A bus waits for its turn.
    priority.see(&seen(3), now(200));
    (201..215).for_each(|second| priority.handle_timeout(now(second).mono, |_| false));
    priority.see(&seen(3), now(216));
    assert!(running(&priority).is_empty());
}

#[test]
fn tags_that_ask_too_often_are_an_alarm_and_get_nothing() {
    let mut priority = priority();
    for second in 0..290 {
        priority.see(&seen(10), now(second));
        priority.handle_timeout(now(second).mono, |_| false);
    }
    assert_eq!(alarms(&mut priority), [AlarmKind::TagTooOften], "once");
    for number in 11..16 {
        priority.see(&seen(number), now(300));
        priority.handle_timeout(now(310).mono, |_| false);
    }
    assert_eq!(alarms(&mut priority), []);
    priority.see(&seen(16), now(320));
    assert_eq!((priority.asks(), alarms(&mut priority)), (None, vec![AlarmKind::TooManyEmergencies]));
    priority.see(&seen(16), now(321));
    assert_eq!(alarms(&mut priority), [], "each tag once");
    priority.see(&seen(17), now(901));
    assert!(priority.asks().is_some(), "a quarter of an hour after the first");
}
