//! The counter against a model that sees all reads at once.

use super::tests::{pass, read, stored, tag};
use super::*;
use crate::config::{Accept, CountingConfig};
use crate::reader::Read;
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::MonoMs;
use proptest::prelude::*;
use std::collections::BTreeMap;

const LANES: usize = 3;

/// A passage, as the rule says it: tag, lane, first and last read, number of reads.
type Model = (Epc, LaneIx, MonoMs, MonoMs, u32);

fn model(reads: &[Read], config: &CountingConfig) -> Vec<Model> {
    let mut by_tag: BTreeMap<Epc, Vec<Vec<Read>>> = BTreeMap::new();
    for read in reads {
        let passages = by_tag.entry(read.epc).or_default();
        match passages.last_mut() {
            Some(passage) if read.at.since(passage[passage.len() - 1].at) < config.absence_ms => {
                passage.push(*read);
            }
            _ => passages.push(vec![*read]),
        }
    }
    let mut all: Vec<Model> = by_tag.into_values().flatten().map(|passage| one(&passage, config)).collect();
    all.sort_unstable();
    all
}

fn one(passage: &[Read], config: &CountingConfig) -> Model {
    let (first, last) = (passage[0], passage[passage.len() - 1]);
    let early: Vec<&Read> =
        passage.iter().filter(|read| read.at.since(first.at) <= config.settle_ms).collect();
    let lane = (0..LANES)
        .map(LaneIx::new)
        .max_by(|&a, &b| {
            let of = |lane| early.iter().filter(move |read| read.lane == lane);
            let strongest = |lane| of(lane).filter_map(|read| read.rssi).fold(f32::NEG_INFINITY, f32::max);
            let begin = |lane| of(lane).map(|read| read.at).min().unwrap_or(MonoMs(i64::MAX));
            (of(a).count().cmp(&of(b).count()))
                .then(strongest(a).total_cmp(&strongest(b)))
                .then(begin(b).cmp(&begin(a)))
                .then(b.cmp(&a))
        })
        .expect("there are lanes");
    (first.epc, lane, first.at, last.at, passage.len() as u32)
}

fn config() -> impl Strategy<Value = CountingConfig> {
    (0_i64..2000, 1_i64..12_000, 1_i64..8000).prop_map(|(settle_ms, absence_ms, interval_ms)| {
        CountingConfig { settle_ms, absence_ms, interval_ms, accept: Accept::All }
    })
}

fn reads() -> impl Strategy<Value = Vec<Read>> {
    let gap = prop_oneof![8 => 0_i64..400, 2 => 400_i64..4000, 1 => 4000_i64..20_000];
    let rssi = prop_oneof![Just(None), (-70_i8..-67).prop_map(|dbm| Some(f32::from(dbm)))];
    prop::collection::vec((gap, 0..LANES, 0_u8..5, rssi), 1..120).prop_map(|steps| {
        let mut at = -30_000;
        steps
            .into_iter()
            .map(|(gap, lane, number, rssi)| {
                at += gap;
                Read { rssi, ..read(at, lane, tag(number)) }
            })
            .collect()
    })
}

/// All passages and departures of rows, with absolute times.
fn told(rows: &[IntervalCount]) -> (Vec<(Epc, LaneIx, MonoMs)>, Vec<Model>) {
    let mut passages = Vec::new();
    let mut departures = Vec::new();
    for row in rows {
        passages.extend(row.passages.iter().map(|one| (one.epc, row.lane, row.start + one.t_ms)));
        departures.extend(row.departures.iter().map(|one| {
            let last = row.start + one.t_ms;
            (one.epc, row.lane, last - one.dwell_ms, last, one.reads)
        }));
    }
    passages.sort_unstable();
    departures.sort_unstable();
    (passages, departures)
}

const END: i64 = 10_000_000;

fn finish(counter: &mut Counter, last: MonoMs) {
    let end = last.0 + 60_000;
    assert!(end < END);
    pass(counter, end);
}

proptest! {
    #[test]
    fn passages_are_those_of_the_model(config in config(), reads in reads()) {
        let mut counter = Counter::new(config, LANES, Vec::new(), reads[0].at, &[]);
        for read in &reads {
            pass(&mut counter, read.at.0);
            counter.handle_read(read);
        }
        finish(&mut counter, reads[reads.len() - 1].at);
        let flush = counter.take();
        let expected = model(&reads, &config);
        let (passages, departures) = told(&flush.intervals);
        prop_assert_eq!(passages, expected.iter().map(|one| (one.0, one.1, one.2)).collect::<Vec<_>>());
        prop_assert_eq!(departures, expected);
        prop_assert_eq!(stored(Vec::new(), &flush.passages), vec![]);
        // In order and without a kill, a lane and an interval have one row.
        prop_assert!(flush.intervals.is_sorted_by_key(|row| (row.start, row.lane)));
        prop_assert!(flush.intervals.windows(2).all(|two| (two[0].start, two[0].lane) != (two[1].start, two[1].lane)));
        for row in &flush.intervals {
            prop_assert_eq!(row.start.0.rem_euclid(config.interval_ms), 0);
            prop_assert!(row.passages.iter().all(|one| (0..config.interval_ms).contains(&one.t_ms)));
        }
    }

    /// Runs end at any moment; what they had not committed is gone, everything else is counted exactly once.
    #[test]
    fn a_kill_anywhere_counts_every_committed_passage_once(
        config in config(),
        reads in reads(),
        steps in prop::collection::vec((prop::bool::weighted(0.3), prop::bool::weighted(0.1)), 120),
    ) {
        let mut counter = Counter::new(config, LANES, Vec::new(), reads[0].at, &[]);
        let (mut store, mut rows) = (Vec::new(), Vec::new());
        let (mut lasting, mut pending) = (Vec::new(), Vec::new());
        for (read, (flush, kill)) in reads.iter().zip(steps) {
            pass(&mut counter, read.at.0);
            counter.handle_read(read);
            pending.push(*read);
            if flush {
                let flush = counter.take();
                store = stored(store, &flush.passages);
                rows.extend(flush.intervals);
                lasting.append(&mut pending);
            }
            if kill {
                pending.clear();
                counter = Counter::new(config, LANES, Vec::new(), read.at, &store);
            }
        }
        finish(&mut counter, reads[reads.len() - 1].at);
        let flush = counter.take();
        rows.extend(flush.intervals);
        lasting.append(&mut pending);
        prop_assert_eq!(stored(store, &flush.passages), vec![]);

        let expected = model(&lasting, &config);
        let (passages, departures) = told(&rows);
        // Of the votes for a lane only the leader's outlive a kill, so the lane is left out here.
        let firsts = |mut all: Vec<(Epc, MonoMs)>| { all.sort_unstable(); all };
        prop_assert_eq!(
            firsts(passages.iter().map(|one| (one.0, one.2)).collect()),
            firsts(expected.iter().map(|one| (one.0, one.2)).collect())
        );
        let spans = |mut all: Vec<(Epc, MonoMs, MonoMs, u32)>| { all.sort_unstable(); all };
        prop_assert_eq!(
            spans(departures.iter().map(|one| (one.0, one.2, one.3, one.4)).collect()),
            spans(expected.iter().map(|one| (one.0, one.2, one.3, one.4)).collect())
        );
    }

    /// Neighbouring readers deliver some milliseconds out of order.
    #[test]
    fn the_order_of_near_reads_does_not_change_the_number(
        reads in prop::collection::vec((1_i64..15, -100_i64..100, 0..LANES, 0_u8..4), 1..80),
    ) {
        let config = CountingConfig { settle_ms: 1000, absence_ms: 10_500, interval_ms: 5000, accept: Accept::All };
        let mut at = 0;
        let mut reads: Vec<(i64, Read)> = reads
            .into_iter()
            .map(|(gap, early, lane, number)| {
                at += gap * 1000;
                (at, read(at + early, lane, tag(number)))
            })
            .collect();
        let mut counter = Counter::new(config, LANES, Vec::new(), MonoMs(0), &[]);
        for (arrival, read) in &reads {
            pass(&mut counter, *arrival);
            counter.handle_read(read);
        }
        finish(&mut counter, MonoMs(at));
        reads.sort_by_key(|(_, read)| read.at);
        let sorted: Vec<Read> = reads.iter().map(|(_, read)| *read).collect();
        let (passages, departures) = told(&counter.take().intervals);
        prop_assert_eq!(passages.len(), model(&sorted, &config).len());
        prop_assert_eq!(departures.len(), passages.len());
    }
}
