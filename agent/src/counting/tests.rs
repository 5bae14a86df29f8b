mod corners;
mod devices;

use super::*;
use crate::config::{Accept, CountingConfig};
use crate::reader::Read;
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ZoneName;

const CONFIG: CountingConfig =
    CountingConfig { settle_ms: 1000, absence_ms: 10_000, interval_ms: 5000, accept: Accept::All };
const NORTH: usize = 0;
const SOUTH: usize = 1;

pub(super) fn tag(number: u8) -> Epc {
    Epc::new(&[0xE2, number]).expect("two bytes")
}

fn fastag() -> Epc {
    "34161FA8203E7CB202000020".parse().expect("an EPC")
}

pub(super) fn read(at: i64, lane: usize, epc: Epc) -> Read {
    Read { lane: LaneIx::new(lane), zone: ZoneName::StopLine, epc, rssi: None, at: MonoMs(at) }
}

fn strong(at: i64, lane: usize, rssi: f32) -> Read {
    Read { rssi: Some(rssi), ..read(at, lane, tag(1)) }
}

/// Runs the timers up to a moment, each at its own time.
pub(super) fn pass(counter: &mut Counter, to: i64) {
    while counter.next_timeout() <= MonoMs(to) {
        counter.handle_timeout(counter.next_timeout());
    }
}

fn run(config: CountingConfig, reads: &[Read], to: i64) -> Counter {
    let mut counter = Counter::new(config, 2, Vec::new(), reads[0].at, &[]);
    for read in reads {
        pass(&mut counter, read.at.0);
        counter.handle_read(read);
    }
    pass(&mut counter, to);
    counter
}

fn rows(reads: &[Read], to: i64) -> Vec<IntervalCount> {
    run(CONFIG, reads, to).take().intervals
}

/// What each row counts: lane, start of the interval, passages.
fn counts(rows: &[IntervalCount]) -> Vec<(usize, i64, usize)> {
    rows.iter()
        .filter(|row| !row.passages.is_empty())
        .map(|row| (row.lane.index(), row.start.0, row.passages.len()))
        .collect()
}

/// The passages that a store holds after these changes.
pub(super) fn stored(mut store: Vec<PassageState>, changes: &[PassageChange]) -> Vec<PassageState> {
    for change in changes {
        let (PassageChange::Upsert(PassageState { id, .. }) | PassageChange::Remove(id)) = change;
        store.retain(|state| state.id != *id);
        if let PassageChange::Upsert(state) = change {
            store.push(*state);
        }
    }
    store
}

#[test]
fn one_read_is_a_passage_in_the_interval_of_that_read() {
    let rows = rows(&[read(4999, NORTH, tag(1))], 30_000);
    assert_eq!(counts(&rows), [(NORTH, 0, 1)]);
    let passage = CountedPassage {
        epc: tag(1),
        t_ms: 4999,
        dwell_ms: 0,
        reads: 1,
        open: true,
        valid: false,
        prev: None,
    };
    assert_eq!((rows[0].passages[0], rows[0].end, rows[0].present), (passage, MonoMs(5000), Some(1)));
    // Unseen for ten seconds at 14.999: the departure stands in the third interval.
    let departed = Departed { epc: tag(1), t_ms: 4999 - 10_000, dwell_ms: 0, reads: 1 };
    assert_eq!(
        (rows[1].start, &rows[1].departures[..], rows[1].present),
        (MonoMs(10_000), &[departed][..], Some(0))
    );
    assert_eq!(rows.len(), 2);
}

#[test]
fn an_interval_goes_out_when_it_has_settled() {
    let mut counter = run(CONFIG, &[read(100, NORTH, tag(1))], 0);
    assert_eq!(counter.next_timeout(), MonoMs(6000));
    counter.handle_timeout(MonoMs(5999));
    assert_eq!(counter.take().intervals, []);
    counter.handle_timeout(MonoMs(6000));
    assert_eq!(counts(&counter.take().intervals), [(NORTH, 0, 1)]);
}

#[test]
fn intervals_lie_on_the_grid_below_zero_too() {
    assert_eq!(counts(&rows(&[read(-1, NORTH, tag(1))], 20_000)), [(NORTH, -5000, 1)]);
}

#[test]
fn a_queue_of_minutes_is_one_passage() {
    let reads: Vec<Read> = (0..60).map(|at| read(at * 5000, NORTH, tag(1))).collect();
    let rows = rows(&reads, 400_000);
    assert_eq!(counts(&rows), [(NORTH, 0, 1)]);
    let departures: Vec<&Departed> = rows.iter().flat_map(|row| &row.departures).collect();
    assert_eq!(departures.len(), 1);
    assert_eq!((departures[0].dwell_ms, departures[0].reads), (295_000, 60));
}

#[test]
fn absence_closes_a_passage_to_the_millisecond() {
    assert_eq!(counts(&rows(&[read(0, NORTH, tag(1)), read(9999, NORTH, tag(1))], 60_000)), [(NORTH, 0, 1)]);
    assert_eq!(
        counts(&rows(&[read(0, NORTH, tag(1)), read(10_000, NORTH, tag(1))], 60_000)),
        [(NORTH, 0, 1), (NORTH, 10_000, 1)]
    );
}

#[test]
fn a_lane_change_or_a_neighbour_counts_once_in_the_lane_of_most_early_reads() {
    // Later reads elsewhere hold the passage open but decide nothing.
    let mut reads = vec![read(0, SOUTH, tag(1)), read(10, NORTH, tag(1)), read(20, NORTH, tag(1))];
    reads.extend((2..20).map(|at| read(at * 1000, SOUTH, tag(1))));
    assert_eq!(counts(&rows(&reads, 60_000)), [(NORTH, 0, 1)]);
}

#[test]
fn equal_reads_go_to_the_strongest_then_to_the_earliest() {
    assert_eq!(counts(&rows(&[strong(0, NORTH, -60.0), strong(5, SOUTH, -50.0)], 9000)), [(SOUTH, 0, 1)]);
    assert_eq!(counts(&rows(&[strong(0, SOUTH, -50.0), strong(5, NORTH, -50.0)], 9000)), [(SOUTH, 0, 1)]);
    assert_eq!(counts(&rows(&[strong(0, SOUTH, f32::NAN), strong(5, NORTH, -90.0)], 9000)), [(NORTH, 0, 1)]);
    // A read exactly when the lane is decided still counts for it.
    assert_eq!(
        counts(&rows(&[strong(0, SOUTH, -50.0), read(900, NORTH, tag(1)), read(1000, NORTH, tag(1))], 9000)),
        [(NORTH, 0, 1)]
    );
}

#[test]
fn advance_reads_neither_count_nor_hold_open() {
    let advance = |at| Read { zone: ZoneName::Advance, ..read(at, NORTH, tag(1)) };
    let reads = [advance(0), read(5000, NORTH, tag(1)), advance(12_000), read(16_000, NORTH, tag(1))];
    assert_eq!(counts(&rows(&reads, 60_000)), [(NORTH, 5000, 1), (NORTH, 15_000, 1)]);
}

#[test]
fn only_fastags_count_where_only_fastags_are_accepted() {
    let config = CountingConfig { accept: Accept::Fastag, ..CONFIG };
    let reads = [
        read(0, NORTH, tag(1)),
        read(1, NORTH, tag(1)),
        read(2, NORTH, tag(2)),
        read(3, NORTH, fastag()),
        read(5000, SOUTH, tag(1)),
    ];
    let rows = run(config, &reads, 11_000).take().intervals;
    assert_eq!(counts(&rows), [(NORTH, 0, 1)]);
    assert!(rows[0].passages[0].valid);
    let others: Vec<_> = rows.iter().map(|row| (row.lane.index(), row.start.0, row.other_tags)).collect();
    assert_eq!(others, [(NORTH, 0, Some(2)), (SOUTH, 5000, Some(1))]);
}

#[test]
fn a_watched_lane_reports_zero_and_an_unwatched_one_nothing() {
    let lanes = |lanes: &[usize]| lanes.iter().copied().map(LaneIx::new).collect::<Vec<_>>();
    // Two readers overlap on the north lane; nothing watches the south lane.
    let mut counter = Counter::new(CONFIG, 2, vec![lanes(&[NORTH]), lanes(&[NORTH])], MonoMs(0), &[]);
    counter.handle_reader(0, true, MonoMs(1000));
    counter.handle_reader(1, true, MonoMs(2000));
    counter.handle_reader(1, true, MonoMs(2500));
    counter.handle_reader(0, false, MonoMs(3000));
    counter.handle_reader(1, false, MonoMs(4000));
    counter.handle_reader(0, true, MonoMs(3990));
    counter.handle_reader(7, true, MonoMs(0));
    pass(&mut counter, 6000);
    counter.handle_reader(0, false, MonoMs(7000));
    pass(&mut counter, 60_000);
    let rows = counter.take().intervals;
    let observed: Vec<_> = rows.iter().map(|row| (row.lane.index(), row.start.0, row.observed_ms)).collect();
    assert_eq!(observed, [(NORTH, 0, 4000), (NORTH, 5000, 2000)]);
    assert!(rows.iter().all(|row| row.passages.is_empty() && row.present == Some(0)));
}

#[test]
fn a_read_that_comes_after_its_interval_was_published_gets_a_row_of_it() {
    let mut counter = run(CONFIG, &[read(4000, NORTH, tag(1))], 6500);
    counter.handle_read(&read(4500, NORTH, tag(2)));
    // Nor does an older read of a published passage move it.
    counter.handle_read(&read(3000, NORTH, tag(1)));
    pass(&mut counter, 11_000);
    let rows = counter.take().intervals;
    assert_eq!(counts(&rows), [(NORTH, 0, 1), (NORTH, 0, 1)]);
    assert_eq!((rows[1].passages[0].epc, rows[1].present), (tag(2), None));
}

#[test]
fn reads_out_of_order_begin_the_passage_at_the_earliest() {
    let rows = rows(&[read(5003, NORTH, tag(1)), read(4998, NORTH, tag(1))], 12_000);
    assert_eq!(counts(&rows), [(NORTH, 0, 1)]);
    assert_eq!((rows[0].passages[0].t_ms, rows[0].passages[0].dwell_ms), (4998, 5));
}

#[test]
fn an_open_passage_survives_a_restart_within_the_absence() {
    let first = run(CONFIG, &[read(0, NORTH, tag(1)), read(1000, NORTH, tag(2))], 6000).take();
    assert_eq!(counts(&first.intervals), [(NORTH, 0, 2)]);
    let store = stored(Vec::new(), &first.passages);

    let mut counter = Counter::new(CONFIG, 2, Vec::new(), MonoMs(9000), &store);
    counter.handle_read(&read(9500, NORTH, tag(1)));
    pass(&mut counter, 60_000);
    let second = counter.take();
    assert_eq!(counts(&second.intervals), []);
    let departures = second
        .intervals
        .iter()
        .flat_map(|row| row.departures.iter().map(|gone| (row.start.0, gone.epc, gone.dwell_ms)));
    assert_eq!(departures.collect::<Vec<_>>(), [(10_000, tag(2), 0), (15_000, tag(1), 9500)]);
    assert_eq!(stored(store, &second.passages), []);
}

#[test]
fn what_a_killed_run_had_not_published_stands_in_its_own_interval() {
    let mut first = run(CONFIG, &[read(100, NORTH, tag(1)), read(4000, SOUTH, tag(2))], 5500);
    let store = stored(Vec::new(), &first.take().passages);

    let mut counter = Counter::new(CONFIG, 2, Vec::new(), MonoMs(33_000), &store);
    assert_eq!(counter.next_timeout(), MonoMs(34_000));
    counter.handle_timeout(MonoMs(34_000));
    let flush = counter.take();
    assert_eq!(counts(&flush.intervals), [(NORTH, 0, 1), (SOUTH, 0, 1)]);
    assert!(flush.intervals.iter().all(|row| row.observed_ms == 0 && row.present.is_none()));
    assert!(!flush.intervals[0].passages[0].open);
    assert_eq!(flush.intervals.iter().map(|row| row.departures.len()).sum::<usize>(), 2);
    assert_eq!(stored(store, &flush.passages), []);
}

#[test]
fn an_earlier_boot_is_closed_out_once() {
    let mut first = run(CONFIG, &[read(100, NORTH, tag(1)), read(4000, NORTH, tag(2))], 6000);
    first.handle_read(&read(6500, SOUTH, tag(3)));
    let flush = first.take();
    assert_eq!(counts(&flush.intervals), [(NORTH, 0, 2)]);
    let rows = close_out(&CONFIG, &stored(Vec::new(), &flush.passages));
    assert_eq!(counts(&rows), [(SOUTH, 5000, 1)]);
    assert_eq!(rows.iter().map(|row| row.departures.len()).sum::<usize>(), 3);
}

#[test]
fn open_passages_are_bounded_and_none_is_lost() {
    let epc = |number: usize| Epc::new(&(number as u32).to_be_bytes()).unwrap();
    let mut counter = Counter::new(CONFIG, 1, Vec::new(), MonoMs(0), &[]);
    let tags = MAX_OPEN + 50;
    for number in 0..tags {
        counter.handle_read(&read(number as i64 / 100, NORTH, epc(number)));
    }
    assert_eq!(counter.beyond().forced_closes, 50);
    pass(&mut counter, 60_000);
    let rows = counter.take().intervals;
    assert_eq!(rows.iter().map(|row| row.passages.len()).sum::<usize>(), tags);
    assert_eq!(rows.iter().map(|row| row.departures.len()).sum::<usize>(), tags);
    assert!(rows.iter().all(|row| row.passages.len().max(row.departures.len()) <= MAX_PER_ROW));
    assert_eq!(rows.iter().filter(|row| row.start == MonoMs(0) && row.present.is_some()).count(), 1);
}

#[test]
fn a_leap_of_the_clock_is_survived() {
    let mut counter = Counter::new(CONFIG, 1, vec![vec![LaneIx::new(NORTH)]], MonoMs(i64::MIN), &[]);
    counter.handle_reader(0, true, MonoMs(i64::MIN));
    counter.handle_read(&read(i64::MIN, NORTH, tag(1)));
    for at in [0, i64::MAX] {
        counter.handle_timeout(MonoMs(at));
        counter.handle_read(&read(at, NORTH, tag(2)));
    }
    let rows = counter.take().intervals;
    assert!(rows.len() <= 20_010);
    assert!(counts(&rows).iter().map(|row| row.2).sum::<usize>() >= 2);
}
