//! The corners of the counting rule.

use super::{CONFIG, Counter, NORTH, SOUTH, counts, fastag, pass, read, run, stored, strong, tag};
use crate::config::{Accept, CountingConfig};
use crate::identity::Sighting;
use crate::reader::Read;
use flextraff_common::epc::{Epc, Pseudonym, TagKey};
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use proptest::prelude::*;

fn lanes(lanes: &[usize]) -> Vec<LaneIx> {
    lanes.iter().copied().map(LaneIx::new).collect()
}

#[test]
fn antennas_that_overlap_and_spill_give_one_passage_in_the_lane_that_reads_most() {
    // In the first second N reads four times, S catches two of them, stronger because of a reflection.
    let reads = [
        strong(0, SOUTH, -40.0),
        strong(10, NORTH, -60.0),
        strong(300, NORTH, -58.0),
        strong(310, SOUTH, -41.0),
        strong(600, NORTH, -55.0),
        strong(900, NORTH, -55.0),
    ];
    assert_eq!(counts(&run(CONFIG, &reads, 60_000).take().intervals), [(NORTH, 0, 1)]);
}

#[test]
fn whoever_changes_lane_while_it_waits_counts_where_it_came_and_departs_from_there() {
    let reads: Vec<Read> =
        (0..40).map(|at| read(at * 500, if at < 10 { NORTH } else { SOUTH }, tag(1))).collect();
    let rows = run(CONFIG, &reads, 60_000).take().intervals;
    assert_eq!(counts(&rows), [(NORTH, 0, 1)]);
    let departed: Vec<_> = rows.iter().filter(|row| !row.departures.is_empty()).collect();
    assert_eq!((departed.len(), departed[0].lane.index(), departed[0].departures[0].reads), (1, NORTH, 40));
}

#[test]
fn a_queue_that_stops_and_goes_for_a_quarter_of_an_hour_counts_each_vehicle_once() {
    // Twelve vehicles move up one place each minute; each is at the stop line for two places, read with gaps of up to nine seconds.
    let mut reads = Vec::new();
    for vehicle in 0..12_i64 {
        let from = vehicle * 60_000;
        let gaps = [0, 300, 9200, 18_000, 26_900, 27_000, 35_000, 44_000, 52_900, 61_000, 70_000, 78_000];
        reads.extend(gaps.map(|gap| read(from + gap, NORTH, tag(vehicle as u8))));
    }
    reads.sort_by_key(|read| read.at);
    let rows = run(CONFIG, &reads, 1_200_000).take().intervals;
    assert_eq!(counts(&rows).iter().map(|row| row.2).sum::<usize>(), 12);
    assert!(rows.iter().flat_map(|row| &row.departures).all(|one| one.dwell_ms == 78_000 && one.reads == 12));
}

#[test]
fn a_platoon_that_is_read_once_each_counts_whole() {
    let reads: Vec<Read> = (0..50).map(|number| read(i64::from(number) * 700, NORTH, tag(number))).collect();
    let rows = run(CONFIG, &reads, 120_000).take().intervals;
    assert_eq!(counts(&rows).iter().map(|row| row.2).sum::<usize>(), 50);
    assert!(rows.iter().flat_map(|row| &row.passages).all(|one| one.reads == 1 && one.dwell_ms == 0));
}

#[test]
fn other_tags_are_told_apart_by_lane_and_interval_and_never_open_a_passage() {
    let config = CountingConfig { accept: Accept::Fastag, ..CONFIG };
    let mut reads: Vec<Read> = (0..100).map(|at| read(at * 100, NORTH, tag((at % 7) as u8))).collect();
    reads.push(read(9950, SOUTH, tag(3)));
    reads.push(read(9960, SOUTH, fastag()));
    let flush = run(config, &reads, 60_000).take();
    let others: Vec<_> = flush
        .intervals
        .iter()
        .filter(|row| row.other_tags != Some(0))
        .map(|row| (row.lane.index(), row.start.0, row.other_tags))
        .collect();
    assert_eq!(others, [(NORTH, 0, Some(7)), (NORTH, 5000, Some(7)), (SOUTH, 5000, Some(1))]);
    assert_eq!(counts(&flush.intervals), [(SOUTH, 5000, 1)]);
    assert!(flush.passages.len() <= 1, "nothing of them is kept");
}

#[test]
fn of_a_flood_of_other_tags_what_is_not_added_up_is_known() {
    let config = CountingConfig { accept: Accept::Fastag, ..CONFIG };
    let mut counter = Counter::new(config, 1, Vec::new(), MonoMs(0), &[]);
    for number in (0..10_050_u32).chain(0..10) {
        let epc = Epc::new(&number.to_be_bytes()).expect("four bytes are an EPC");
        counter.handle_read(&read(i64::from(number) / 100, NORTH, epc));
    }
    assert_eq!((counter.beyond().other_reads, counter.beyond().forced_closes), (50, 0));
    pass(&mut counter, 60_000);
    let others: u32 = counter.take().intervals.iter().filter_map(|row| row.other_tags).sum();
    assert_eq!(others, 10_000);
}

#[test]
fn a_lane_of_two_readers_is_observed_while_either_is_up_to_the_millisecond() {
    let mut counter = Counter::new(CONFIG, 2, vec![lanes(&[NORTH]), lanes(&[NORTH, SOUTH])], MonoMs(0), &[]);
    counter.handle_reader(0, true, MonoMs(1001));
    counter.handle_reader(1, true, MonoMs(2002));
    counter.handle_reader(0, false, MonoMs(3003));
    // Both see the same vehicle at the same time.
    counter.handle_read(&read(2500, NORTH, tag(1)));
    counter.handle_read(&read(2500, NORTH, tag(1)));
    counter.handle_reader(1, false, MonoMs(6006));
    counter.handle_reader(0, true, MonoMs(6007));
    pass(&mut counter, 16_000);
    let rows = counter.take().intervals;
    let observed: Vec<_> = rows.iter().map(|row| (row.lane.index(), row.start.0, row.observed_ms)).collect();
    assert_eq!(
        observed,
        [(NORTH, 0, 3999), (SOUTH, 0, 2998), (NORTH, 5000, 4999), (SOUTH, 5000, 1006), (NORTH, 10_000, 5000),]
    );
    assert_eq!(counts(&rows), [(NORTH, 0, 1)]);
}

fn named(at: i64, key: u8, prev: Option<u8>) -> Sighting {
    let raw = fastag();
    let name = |key: u8| -> Epc {
        let id = format!("k{key}").parse().expect("a name");
        Pseudonym::of(&raw, id, &TagKey::new([key; 32])).expect("an EPC").into()
    };
    let read = Read { epc: name(key), ..read(at, NORTH, raw) };
    Sighting { read, prev: prev.map(name), fastag: true, keyed: None }
}

#[test]
fn a_change_of_key_with_the_vehicle_in_the_zone_counts_it_once_under_its_first_name_over_restarts_too() {
    let config = CountingConfig { accept: Accept::Fastag, ..CONFIG };
    let mut counter = Counter::new(config, 1, Vec::new(), MonoMs(0), &[]);
    counter.handle_read(named(1000, 1, None));
    counter.handle_read(named(4000, 2, Some(1)));
    pass(&mut counter, 6000);
    let first = counter.take();
    assert_eq!(counts(&first.intervals), [(NORTH, 0, 1)]);
    assert!(first.intervals[0].passages[0].valid);
    let mut store = stored(Vec::new(), &first.passages);
    let mut counter = Counter::new(config, 1, Vec::new(), MonoMs(7000), &store);
    counter.handle_read(named(8000, 2, None));
    counter.handle_read(named(9000, 3, Some(2)));
    pass(&mut counter, 60_000);
    let rest = counter.take();
    assert_eq!(counts(&rest.intervals), []);
    store = stored(store, &rest.passages);
    assert_eq!(store, []);
    let departed: Vec<Epc> =
        rest.intervals.iter().flat_map(|row| &row.departures).map(|one| one.epc).collect();
    assert_eq!(departed, [named(0, 1, None).read.epc], "as the row that counted it names it");
}

#[test]
fn soon_after_a_change_of_key_a_passage_has_both_names() {
    let mut counter = Counter::new(CONFIG, 1, Vec::new(), MonoMs(0), &[]);
    counter.handle_read(named(1000, 2, Some(1)));
    pass(&mut counter, 6000);
    let rows = counter.take().intervals;
    let one = rows[0].passages[0];
    assert_eq!((one.epc, one.prev), (named(0, 2, None).read.epc, Some(named(0, 1, None).read.epc)));
}

/// Four readers at 150 reads/s each, `tags` different ones in turn, for a minute.
fn rush(tags: u32) -> Counter {
    let epc = |number: u32| Epc::new(&number.to_be_bytes()).expect("four bytes");
    let mut counter = Counter::new(CONFIG, 4, Vec::new(), MonoMs(0), &[]);
    counter.handle_other_device(MonoMs(0));
    for number in 0..36_000_u32 {
        let at = i64::from(number) * 60_000 / 36_000;
        pass(&mut counter, at);
        counter.handle_read(&read(at, (number % 4) as usize, epc(number % tags)));
        counter.take_told();
        if number % 600 == 0 {
            counter.take();
        }
    }
    counter
}

#[test]
fn the_work_of_a_read_does_not_grow_with_the_vehicles_and_nothing_piles_up() {
    for tags in [50, 500, 5000] {
        let counter = rush(tags);
        // Per interval each open passage is looked at a few times; per read none but its own.
        let (looked, intervals) = (counter.looked(), 12);
        assert!(looked <= intervals * 4 * (u64::from(tags) + 10), "{looked} looks with {tags} tags");
        assert!(counter.held() <= 4 * tags as usize + 2000, "{} with {tags} tags", counter.held());
    }
    // More tags than may be open: each closes the oldest at once, without a search for it.
    let mut counter = Counter::new(CONFIG, 1, Vec::new(), MonoMs(0), &[]);
    for number in 0..40_000_u32 {
        counter.handle_read(&read(0, NORTH, Epc::new(&number.to_be_bytes()).unwrap()));
    }
    assert_eq!((counter.looked(), counter.beyond().forced_closes), (0, 30_000));
}

proptest! {
    /// Any ups and downs: the seconds of all rows are those in which some reader was up, none twice.
    #[test]
    fn observed_time_is_exactly_that_of_the_readers(
        events in prop::collection::vec((1_i64..4000, 0_usize..3, any::<bool>()), 1..60),
    ) {
        let watched = vec![lanes(&[NORTH]), lanes(&[NORTH]), lanes(&[SOUTH])];
        let mut counter = Counter::new(CONFIG, 2, watched, MonoMs(0), &[]);
        let (mut up, mut at, mut expected) = ([false; 3], 0, [0_i64; 2]);
        for (gap, reader, is_up) in events {
            expected[NORTH] += if up[0] || up[1] { gap } else { 0 };
            expected[SOUTH] += if up[2] { gap } else { 0 };
            at += gap;
            pass(&mut counter, at);
            counter.handle_reader(reader, is_up, MonoMs(at));
            up[reader] = is_up;
        }
        for reader in 0..3 {
            counter.handle_reader(reader, false, MonoMs(at));
        }
        pass(&mut counter, at + 20_000);
        let mut observed = [0_i64; 2];
        for row in counter.take().intervals {
            prop_assert!(row.observed_ms <= CONFIG.interval_ms);
            observed[row.lane.index()] += row.observed_ms;
        }
        prop_assert_eq!(observed, expected);
    }
}
