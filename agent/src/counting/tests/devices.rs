//! Several devices at one junction.

use super::{CONFIG, Counter, NORTH, SOUTH, ToldPassage, counts, pass, read, stored, tag};
use flextraff_common::time::MonoMs;
use proptest::prelude::*;

fn told(number: u8, counts: bool) -> ToldPassage {
    ToldPassage { epc: tag(number), prev: None, counts }
}

fn device() -> Counter {
    let mut counter = Counter::new(CONFIG, 2, Vec::new(), MonoMs(0), &[]);
    counter.handle_other_device(MonoMs(0));
    counter
}

fn counted(mut counter: Counter, to: i64) -> usize {
    pass(&mut counter, to);
    counts(&counter.take().intervals).iter().map(|row| row.2).sum()
}

#[test]
fn of_two_that_see_it_at_once_the_first_in_order_counts() {
    let (mut first, mut second) = (device(), device());
    first.handle_read(&read(100, NORTH, tag(1)));
    second.handle_read(&read(90, SOUTH, tag(1)));
    let (by_first, by_second) = (first.take_told(), second.take_told());
    assert_eq!((&by_first[..], &by_second[..]), (&[told(1, true)][..], &[told(1, true)][..]));
    first.handle_told(&by_second[0], false, MonoMs(300));
    second.handle_told(&by_first[0], true, MonoMs(300));
    second.handle_read(&read(600, SOUTH, tag(1)));
    assert_eq!(second.take_told(), [told(1, false)], "it goes on holding the passage open");
    assert_eq!((counted(first, 60_000), counted(second, 60_000)), (1, 0));
}

#[test]
fn who_hears_of_it_before_its_own_read_leaves_it_to_the_teller_also_when_that_one_is_last_in_order() {
    let mut first = device();
    first.handle_told(&told(1, true), false, MonoMs(100));
    for at in (2000..30_000).step_by(3000) {
        first.handle_read(&read(at, NORTH, tag(1)));
    }
    assert!(first.take_told().iter().all(|told| !told.counts));
    // Nobody has seen it for the absence: another passage.
    first.handle_read(&read(39_100, NORTH, tag(1)));
    assert_eq!(counted(first, 90_000), 1);
}

#[test]
fn a_passage_that_a_row_has_counted_stays_and_other_devices_hold_it_open() {
    let mut second = device();
    second.handle_read(&read(0, NORTH, tag(1)));
    pass(&mut second, 6000);
    let flush = second.take();
    assert_eq!(counts(&flush.intervals), [(NORTH, 0, 1)]);
    second.handle_told(&told(1, true), true, MonoMs(8000));
    second.handle_read(&read(17_000, NORTH, tag(1)));
    pass(&mut second, 60_000);
    let rest = second.take();
    assert_eq!(counts(&rest.intervals), []);
    let departed: Vec<_> =
        rest.intervals.iter().flat_map(|row| &row.departures).map(|one| (one.dwell_ms, one.reads)).collect();
    assert_eq!(departed, [(17_000, 2)], "its own reads only");
    assert_eq!(stored(stored(Vec::new(), &flush.passages), &rest.passages), []);
}

#[test]
fn alone_nobody_is_told_and_others_are_forgotten_after_a_minute() {
    let mut counter = Counter::new(CONFIG, 2, Vec::new(), MonoMs(0), &[]);
    counter.handle_read(&read(0, NORTH, tag(1)));
    assert!(!counter.has_told());
    counter.handle_other_device(MonoMs(1000));
    counter.handle_read(&read(1000, NORTH, tag(1)));
    counter.handle_read(&read(1400, NORTH, tag(1)));
    assert_eq!(counter.take_told().len(), 1, "twice a second at most");
    counter.handle_read(&read(61_000, NORTH, tag(2)));
    assert!(!counter.has_told());
}

/// A read: milliseconds after the one before, device, lane, tag.
type Step = (i64, usize, usize, u8);

proptest! {
    /// Messages are lost, and late by anything: no vehicle is missed. When none is lost and all come soon, none counts twice.
    #[test]
    fn no_vehicle_is_missed_whatever_is_lost_and_none_counts_twice_when_nothing_is(
        steps in prop::collection::vec((0_i64..900, 0_usize..3, 0_usize..2, 0_u8..3), 1..60),
        late_ms in prop_oneof![Just(150_i64), 0_i64..20_000],
        lost in prop_oneof![Just(0_u32), 0_u32..100],
        draws in prop::collection::vec(0_u32..100, 64),
    ) {
        let mut devices: Vec<Counter> = (0..3).map(|_| device()).collect();
        let mut letters: Vec<(i64, usize, usize, ToldPassage)> = Vec::new();
        let mut draw = draws.iter().cycle();
        let mut seen = std::collections::BTreeSet::new();
        let mut now = 0;
        let step = |devices: &mut Vec<Counter>, letters: &mut Vec<(i64, usize, usize, ToldPassage)>, now: i64| {
            letters.sort_by_key(|letter| letter.0);
            let due = letters.partition_point(|letter| letter.0 <= now);
            for (at, from, to, passage) in letters.drain(..due) {
                pass(&mut devices[to], at);
                devices[to].handle_other_device(MonoMs(at));
                devices[to].handle_told(&passage, from < to, MonoMs(at));
            }
            for device in devices.iter_mut() {
                pass(device, now);
            }
        };
        for (gap, device, lane, number) in &steps as &Vec<Step> {
            now += gap;
            step(&mut devices, &mut letters, now);
            devices[*device].handle_read(&read(now, *lane, tag(*number)));
            seen.insert(*number);
            for passage in devices[*device].take_told() {
                for to in (0..3).filter(|to| to != device) {
                    if *draw.next().expect("a cycle") >= lost {
                        letters.push((now + late_ms, *device, to, passage));
                    }
                }
            }
        }
        step(&mut devices, &mut letters, now + 100_000);
        let mut all = Vec::new();
        for device in &mut devices {
            all.extend(device.take().intervals.iter().flat_map(|row| row.passages.iter().map(|one| one.epc)));
        }
        for number in seen {
            let times = all.iter().filter(|epc| **epc == tag(number)).count();
            prop_assert!(times >= 1, "tag {number} is missed");
            // Steps are at most 0.9 s apart, so that a tag may still be away for longer than the absence.
            let mut last = None;
            let mut passages = 0;
            let mut at = 0;
            for (gap, _, _, tag) in &steps {
                at += gap;
                if *tag == number {
                    passages += usize::from(last.is_none_or(|last| at - last >= CONFIG.absence_ms));
                    last = Some(at);
                }
            }
            if lost == 0 && late_ms == 150 && passages == 1 {
                prop_assert_eq!(times, 1, "tag {} counts more than once", number);
            }
        }
    }
}
