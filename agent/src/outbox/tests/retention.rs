//! A full outbox against a plain list: what goes, in which order, and what the gaps say of it.

use super::*;
use flextraff_common::wire::Mode;
use proptest::prelude::*;
use std::collections::BTreeMap;

const LIMIT: u64 = 200_000;
/// In the order in which they go.
const KINDS: [&str; 3] = ["events", "car_counts", "cycle"];

#[derive(Clone, Debug)]
enum Step {
    /// Rows of a kind (by its place), their time, a size.
    Commit(Vec<(usize, i64, usize)>),
    HandOut(usize),
    AckOldest(usize),
    NextBoot,
}

fn step() -> impl Strategy<Value = Step> {
    let row = (prop_oneof![5 => Just(0_usize), 2 => Just(1), 1 => Just(2)], 6_i64..5000, 1_usize..80);
    prop_oneof![
        8 => proptest::collection::vec(row, 1..60).prop_map(Step::Commit),
        2 => (1_usize..20).prop_map(Step::HandOut),
        1 => (1_usize..20).prop_map(Step::AckOldest),
        1 => Just(Step::NextBoot),
    ]
}

fn body(kind: usize, seconds: i64, size: usize) -> RowBody {
    let end = MonoMs(seconds * 1000);
    match kind {
        0 => RowBody::Events(EventsRow { events: vec![(end, 1, 1); size] }),
        1 => {
            let RowBody::CarCounts(mut row) = counts(end.0) else { panic!("counts") };
            row.epc_ids = vec!["34161FA8203284E4C0F0A7B1".to_owned(); size];
            row.lane_id = LaneId(Uuid::from_u128(size as u128 % 3));
            RowBody::CarCounts(row)
        }
        _ => RowBody::Cycle(CycleRow {
            plan_id: Some("p".repeat(size)),
            mode: Mode::Automatic,
            started_at: MonoMs(end.0 - 5000),
            ended_at: end,
            offset_error_s: None,
            stages: Vec::new(),
            lanes: Vec::new(),
        }),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    kind: usize,
    boot: u128,
    span: (MonoMs, MonoMs),
}

/// What the file says of gaps: times in monotonic terms come back from the wall clock, which runs with the same difference all the time.
#[derive(Default)]
struct Told {
    rows: BTreeMap<String, u64>,
    spans: Vec<(String, i64, i64)>,
}

/// Wall time at which an uptime began: a day for each.
fn began(boot: u128) -> i64 {
    1_000_000_000_000 + boot as i64 * 86_400_000
}

fn now(boot: u128) -> Moment {
    at(6_000_000, began(boot) + 6_000_000, ClockState::Synced)
}

fn gaps(outbox: &mut Outbox, told: &mut Told, boot: u128) {
    let all = outbox.next(Room { rows: usize::MAX, bytes: usize::MAX }, &NONE, &now(boot)).unwrap();
    for gap in all.iter().filter_map(|row| decode::<Gap>(row.payload.as_bytes()).ok()) {
        *told.rows.entry(gap.reason.clone()).or_default() += gap.rows.unwrap();
        told.spans.push((gap.reason, gap.from.unwrap().0, gap.to.unwrap().0));
    }
}

fn present(outbox: &Outbox) -> BTreeSet<u64> {
    let mut statement =
        outbox.connection.prepare("SELECT seq FROM rows WHERE kind NOT IN ('gap', 'clock_fix')").unwrap();
    let numbers = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    numbers.map(|seq| seq.unwrap() as u64).collect()
}

fn used(outbox: &Outbox) -> u64 {
    let pages = pragma(&outbox.connection, "page_count").unwrap();
    (pages - pragma(&outbox.connection, "freelist_count").unwrap()) * 4096
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn the_oldest_of_the_least_kind_go_and_the_gaps_say_so(steps in proptest::collection::vec(step(), 20..60)) {
        let folder = folder();
        let limited = |boot| Setup { max_bytes: LIMIT, ..setup(&folder, boot) };
        let mut boot = 1;
        let mut outbox = Outbox::open(&limited(boot), &now(boot)).unwrap();
        let mut rows: BTreeMap<u64, Row> = BTreeMap::new();
        let mut dropped: Vec<Row> = Vec::new();
        let mut handed_out: BTreeSet<u64> = BTreeSet::new();
        let mut told = Told::default();
        for step in steps {
            match step {
                Step::Commit(new) => {
                    let bodies: Vec<RowBody> = new.iter().map(|&(kind, seconds, size)| body(kind, seconds, size)).collect();
                    let seqs = outbox.commit(&Batch { rows: bodies.clone(), ..Batch::default() }, &now(boot)).unwrap();
                    // Gaps are numbered behind what they are about.
                    for ((&(kind, ..), body), seq) in new.iter().zip(&bodies).zip(&seqs) {
                        rows.insert(seq.0, Row { kind, boot, span: body.span() });
                    }
                    let left = present(&outbox);
                    let gone: Vec<u64> = rows.keys().copied().filter(|seq| !left.contains(seq)).collect();
                    for seq in gone {
                        let row = rows.remove(&seq).unwrap();
                        // Nothing of its kind is left that was handed out later, or never and is older, and nothing at all of a kind that goes first.
                        let turn = |seq: u64| (handed_out.contains(&seq), seq);
                        let mut kept = rows.iter().filter(|&(other, kept)| kept.kind == row.kind && left.contains(other));
                        prop_assert!(kept.all(|(&other, _)| turn(other) > turn(seq)));
                        prop_assert!(left.iter().all(|other| rows[other].kind >= row.kind), "{} went before its turn", KINDS[row.kind]);
                        dropped.push(row);
                    }
                    prop_assert!(used(&outbox) <= LIMIT || rows.is_empty(), "{} bytes", used(&outbox));
                }
                Step::HandOut(rows) => {
                    let sent = outbox.next(Room { rows, bytes: 1_000_000 }, &NONE, &now(boot)).unwrap();
                    handed_out.extend(sent.iter().map(|row| row.seq.0));
                }
                Step::AckOldest(count) => {
                    let first: Vec<u64> = rows.keys().copied().take(count).collect();
                    let ranges: Vec<(u64, u64)> = first.iter().map(|&seq| (seq, seq)).collect();
                    outbox.handle_ack(&ack(&outbox, &ranges, &[])).unwrap();
                    let left = present(&outbox);
                    rows.retain(|seq, _| left.contains(seq));
                }
                Step::NextBoot => {
                    drop(outbox);
                    boot += 1;
                    outbox = Outbox::open(&limited(boot), &now(boot)).unwrap();
                    prop_assert_eq!(outbox.set_aside(), None);
                }
            }
        }
        gaps(&mut outbox, &mut told, boot);
        let of = |kind: usize| dropped.iter().filter(|row| row.kind == kind).count() as u64;
        for (kind, what) in ["events", "counts", "cycles"].into_iter().enumerate() {
            let reason = format!("the outbox was full: {what} were dropped");
            prop_assert_eq!(told.rows.get(&reason).copied().unwrap_or(0), of(kind), "{}", reason);
            for row in dropped.iter().filter(|row| row.kind == kind) {
                let (from, to) = (began(row.boot) + row.span.0.0, began(row.boot) + row.span.1.0);
                prop_assert!(
                    told.spans.iter().any(|(why, start, end)| *why == reason && *start <= from && to <= *end),
                    "no gap covers {row:?}: {:?}", told.spans
                );
            }
        }
        let status = outbox.status(&now(boot)).unwrap();
        prop_assert_eq!(status.dropped, dropped.len() as u64);
    }
}
