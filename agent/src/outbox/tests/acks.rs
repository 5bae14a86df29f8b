//! Acks against a plain set: whatever the server answers, exactly the right rows leave.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Commit(usize),
    HandOut(usize),
    Ack { committed: Vec<(u64, u64)>, rejected: Vec<(u64, u64)>, copies: usize, foreign: bool },
    Reopen,
}

fn range() -> impl Strategy<Value = (u64, u64)> {
    let end =
        || prop_oneof![8 => 0_u64..40, 1 => Just(u64::MAX), 1 => Just(i64::MAX as u64), 1 => any::<u64>()];
    (end(), end())
}

fn step() -> impl Strategy<Value = Step> {
    let ranges = || proptest::collection::vec(range(), 0..4);
    prop_oneof![
        3 => (1_usize..8).prop_map(Step::Commit),
        3 => (0_usize..6).prop_map(Step::HandOut),
        5 => (ranges(), ranges(), 1_usize..3, proptest::bool::weighted(0.2))
            .prop_map(|(committed, rejected, copies, foreign)| Step::Ack { committed, rejected, copies, foreign }),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    made: u64,
    rows: BTreeSet<u64>,
    handed_out: BTreeSet<u64>,
    parked: BTreeSet<u64>,
}

impl Model {
    /// Takes the rows of a range that the server can have seen.
    fn release(&mut self, (first, last): (u64, u64)) -> BTreeSet<u64> {
        let released: BTreeSet<u64> = self
            .rows
            .iter()
            .copied()
            .filter(|seq| (first..=last).contains(seq) && self.handed_out.contains(seq))
            .collect();
        self.rows.retain(|seq| !released.contains(seq));
        released
    }
}

fn numbers(outbox: &Outbox, table: &str) -> BTreeSet<u64> {
    let mut statement = outbox.connection.prepare(&format!("SELECT seq FROM {table}")).unwrap();
    let numbers = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    numbers.map(|seq| seq.unwrap() as u64).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn exactly_what_an_ack_names_and_was_handed_out_leaves(steps in proptest::collection::vec(step(), 1..25)) {
        let folder = folder();
        let setup = setup(&folder, 1);
        let mut outbox = open(&setup);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Commit(count) => {
                    let ends: Vec<i64> = (0..count as i64).map(|n| (model.made as i64 + n + 1) * 5000).collect();
                    let seqs = outbox.commit(&rows(&ends), &synced(1_000_000)).unwrap();
                    let expected: Vec<Seq> = (model.made + 1..=model.made + count as u64).map(Seq).collect();
                    prop_assert_eq!(seqs, expected, "no number is ever given twice");
                    model.rows.extend(model.made + 1..=model.made + count as u64);
                    model.made += count as u64;
                }
                Step::HandOut(rows) => {
                    let out = outbox.next(Room { rows, bytes: 1_000_000 }, &NONE, &synced(1_000_000)).unwrap();
                    let out = seqs(&out);
                    prop_assert_eq!(out.len(), rows.min(model.rows.len()));
                    prop_assert!(out.iter().all(|seq| model.rows.contains(seq)));
                    model.handed_out.extend(out);
                }
                Step::Ack { committed, rejected, copies, foreign } => {
                    let mut ack = ack(&outbox, &committed, &rejected);
                    if foreign {
                        ack.outbox_id = OutboxId(Uuid::nil());
                    }
                    let mut expected = Released::default();
                    if !foreign {
                        for range in committed {
                            expected.committed += model.release(range).len();
                        }
                        for range in rejected {
                            let parked = model.release(range);
                            expected.parked += parked.len();
                            model.parked.extend(parked);
                        }
                    }
                    prop_assert_eq!(outbox.handle_ack(&ack).unwrap(), expected);
                    for _ in 1..copies {
                        prop_assert_eq!(outbox.handle_ack(&ack).unwrap(), Released::default(), "the second time");
                    }
                }
                Step::Reopen => {
                    drop(outbox);
                    outbox = open(&setup);
                }
            }
            prop_assert_eq!(&numbers(&outbox, "rows"), &model.rows);
            prop_assert_eq!(&numbers(&outbox, "parked"), &model.parked);
            let status = outbox.status(&synced(1_000_000)).unwrap();
            prop_assert_eq!((status.rows, status.parked), (model.rows.len() as u64, model.parked.len() as u64));
        }
    }
}

#[test]
fn only_the_last_rejected_rows_are_kept_and_all_are_counted() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    let ends: Vec<i64> = (1..=700).map(|n| n * 5000).collect();
    outbox.commit(&rows(&ends), &synced(1_000_000)).unwrap();
    outbox.next(ALL, &NONE, &synced(1_000_000)).unwrap();
    outbox.handle_ack(&ack(&outbox, &[], &[(0, u64::MAX)])).unwrap();
    let kept = numbers(&outbox, "parked");
    assert_eq!((kept.len(), kept.first(), kept.last()), (500, Some(&201), Some(&700)));
    let status = outbox.status(&synced(1_000_000)).unwrap();
    assert_eq!((status.rows, status.parked), (0, 700));
    assert!(outbox.next(ALL, &NONE, &synced(1_000_000)).unwrap().is_empty(), "they are never sent again");
}
