//! Rows keep their bytes, the clock is corrected once, limits drop in order and say so.

mod acks;
mod clocks;
mod damage;
mod replaced;
mod retention;

use super::*;
use flextraff_common::ids::{LaneId, Seq};
use flextraff_common::wire::{Ack, CarCounts, ClockFix, Gap, RejectCode, decode};
use std::collections::BTreeSet;
use uuid::Uuid;

const ALL: Room = Room { rows: 1000, bytes: 10_000_000 };
const NONE: BTreeSet<Seq> = BTreeSet::new();

fn setup(folder: &tempfile::TempDir, boot: u128) -> Setup {
    Setup {
        path: folder.path().join("outbox.db"),
        max_bytes: 100_000_000,
        device: DeviceId(Uuid::from_u128(1)),
        junction: JunctionId(Uuid::from_u128(2)),
        new_outbox_id: OutboxId(Uuid::from_u128(100 + boot)),
        boot: BootId(Uuid::from_u128(boot)),
        gives_up: false,
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

fn at(mono: i64, wall: i64, clock: ClockState) -> Moment {
    Moment { mono: MonoMs(mono), wall: UnixMs(wall), clock }
}

/// A moment `mono` of an uptime that began at 1 000 000 000 000.
fn synced(mono: i64) -> Moment {
    at(mono, 1_000_000_000_000 + mono, ClockState::Synced)
}

fn open(setup: &Setup) -> Outbox {
    Outbox::open(setup, &synced(0)).expect("the outbox opens")
}

fn counts(end: i64) -> RowBody {
    RowBody::CarCounts(CountsRow {
        lane_id: LaneId(Uuid::from_u128(7)),
        start: MonoMs(end - 5000),
        end: MonoMs(end),
        epc_ids: vec!["34161FA8203284E4C0F0A7B1".to_owned(); 20],
        observed_s: 5.0,
        departed: 0,
        present: Some(0),
        other_tags: None,
        passages: Vec::new(),
        departures: Vec::new(),
    })
}

fn rows(ends: &[i64]) -> Batch {
    Batch { rows: ends.iter().map(|&end| counts(end)).collect(), ..Batch::default() }
}

fn seqs(outgoing: &[Outgoing]) -> Vec<u64> {
    outgoing.iter().map(|row| row.seq.0).collect()
}

fn message(row: &Outgoing) -> CarCounts {
    decode(row.payload.as_bytes()).expect("rows are messages")
}

fn ack(outbox: &Outbox, committed: &[(u64, u64)], rejected: &[(u64, u64)]) -> Ack {
    Ack {
        outbox_id: outbox.outbox_id(),
        committed: committed.to_vec(),
        rejected: rejected.iter().map(|&(first, last)| (first, last, RejectCode::UnknownLane)).collect(),
    }
}

#[test]
fn a_row_sent_again_has_the_same_bytes_whatever_the_clock_did_since() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[10_000]), &synced(11_000)).unwrap();
    let first = outbox.next(ALL, &NONE, &synced(11_000)).unwrap();
    let message = message(&first[0]);
    assert_eq!(message.timestamp, Some(UnixMs(1_000_000_010_000)));
    assert_eq!(message.interval_start, Some(UnixMs(1_000_000_005_000)));
    assert_eq!(message.delivery.as_ref().unwrap().mono_ms, MonoMs(10_000));
    assert_eq!(first[0].topic, first[0].topic.to_string().parse().unwrap());
    let stepped = at(20_000, 5_000, ClockState::Unsynced);
    assert_eq!(outbox.next(ALL, &NONE, &stepped).unwrap(), first);
    drop(outbox);
    let mut outbox = Outbox::open(&setup(&folder, 2), &synced(0)).unwrap();
    assert_eq!(outbox.next(ALL, &NONE, &synced(0)).unwrap(), first);
}

#[test]
fn rows_of_an_earlier_uptime_get_its_last_clock() {
    let folder = folder();
    let mut outbox = Outbox::open(&setup(&folder, 1), &at(0, 0, ClockState::Unsynced)).unwrap();
    outbox.commit(&rows(&[10_000]), &at(10_000, 10_000, ClockState::Unsynced)).unwrap();
    outbox.commit(&Batch::default(), &synced(12_000)).unwrap();
    drop(outbox);
    let mut outbox = open(&setup(&folder, 2));
    let message = message(&outbox.next(ALL, &NONE, &at(1, 1, ClockState::Unsynced)).unwrap()[0]);
    assert_eq!(message.timestamp, Some(UnixMs(1_000_000_010_000)));
    let delivery = message.delivery.unwrap();
    assert_eq!(delivery.clock, ClockState::Synced);
    assert_eq!(delivery.boot_id, BootId(Uuid::from_u128(1)));
}

#[test]
fn what_was_sent_unsynchronised_is_corrected_once() {
    let folder = folder();
    let unsynced = |mono| at(mono, 500 + mono, ClockState::Unsynced);
    let mut outbox = Outbox::open(&setup(&folder, 1), &unsynced(0)).unwrap();
    outbox.commit(&rows(&[10_000]), &unsynced(11_000)).unwrap();
    let sent = outbox.next(ALL, &NONE, &unsynced(11_000)).unwrap();
    assert_eq!(message(&sent[0]).delivery.unwrap().clock, ClockState::Unsynced);
    outbox.handle_ack(&ack(&outbox, &[(1, 1)], &[])).unwrap();
    assert!(outbox.commit(&Batch::default(), &unsynced(12_000)).unwrap().is_empty());
    assert_eq!(outbox.commit(&Batch::default(), &synced(13_000)).unwrap(), [Seq(2)]);
    for mono in 14_000..14_010 {
        assert!(outbox.commit(&Batch::default(), &synced(mono)).unwrap().is_empty());
    }
    let sent = outbox.next(ALL, &NONE, &synced(15_000)).unwrap();
    assert_eq!(sent.len(), 1);
    let fix: ClockFix = decode(sent[0].payload.as_bytes()).unwrap();
    assert_eq!(fix.offset_ms, 1_000_000_000_000);
    assert_eq!(fix.delivery.boot_id, BootId(Uuid::from_u128(1)));
}

#[test]
fn rows_never_sent_unsynchronised_need_no_correction() {
    let folder = folder();
    let mut outbox = Outbox::open(&setup(&folder, 1), &at(0, 0, ClockState::Unsynced)).unwrap();
    outbox.commit(&rows(&[10_000]), &at(11_000, 0, ClockState::Unsynced)).unwrap();
    assert!(outbox.commit(&Batch::default(), &synced(12_000)).unwrap().is_empty());
    let sent = outbox.next(ALL, &NONE, &synced(12_000)).unwrap();
    assert_eq!(message(&sent[0]).timestamp, Some(UnixMs(1_000_000_010_000)));
}

#[test]
fn the_newest_go_first_then_the_backlog_from_its_oldest() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000, 10_000, 15_000, 100_000, 105_000]), &synced(106_000)).unwrap();
    let mut next = |rows, in_flight: &[u64]| {
        let in_flight = in_flight.iter().map(|&seq| Seq(seq)).collect();
        seqs(&outbox.next(Room { rows, bytes: 10_000_000 }, &in_flight, &synced(106_000)).unwrap())
    };
    assert_eq!(next(10, &[]), [5, 4, 1, 2, 3]);
    assert_eq!(next(3, &[5]), [4, 1, 2]);
    assert_eq!(next(3, &[5, 4, 1]), [2, 3]);
    assert_eq!(next(0, &[]), [] as [u64; 0]);
    // Once they are confirmed what is left is backlog, from its oldest.
    outbox.handle_ack(&ack(&outbox, &[(4, 5)], &[])).unwrap();
    assert_eq!(seqs(&outbox.next(ALL, &NONE, &synced(106_000)).unwrap()), [1, 2, 3]);
    outbox.commit(&rows(&[110_000]), &synced(111_000)).unwrap();
    assert_eq!(seqs(&outbox.next(ALL, &NONE, &synced(111_000)).unwrap()), [6, 1, 2, 3]);
}

#[test]
fn the_room_in_bytes_holds_but_for_one_row() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000, 10_000, 15_000]), &synced(16_000)).unwrap();
    let row = outbox.next(Room { rows: 9, bytes: 1 }, &NONE, &synced(16_000)).unwrap();
    assert_eq!(row.len(), 1);
    let bytes = row[0].payload.len() * 5 / 2;
    assert_eq!(outbox.next(Room { rows: 9, bytes }, &NONE, &synced(16_000)).unwrap().len(), 2);
}

#[test]
fn acks_release_what_was_handed_out_and_nothing_else() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000, 10_000, 15_000, 20_000]), &synced(21_000)).unwrap();
    outbox.next(Room { rows: 3, bytes: 1_000_000 }, &NONE, &synced(21_000)).unwrap();
    let foreign = Ack { outbox_id: OutboxId(Uuid::nil()), committed: vec![(0, u64::MAX)], rejected: vec![] };
    assert_eq!(outbox.handle_ack(&foreign).unwrap(), Released::default());
    assert_eq!(outbox.handle_ack(&ack(&outbox, &[(4, 2)], &[])).unwrap(), Released::default());
    let parked = outbox.handle_ack(&ack(&outbox, &[], &[(4, 4)])).unwrap();
    assert_eq!(parked, Released { committed: 0, parked: 1 });
    let huge = ack(&outbox, &[(0, u64::MAX), (u64::MAX, 0), (3, 3)], &[(u64::MAX, u64::MAX), (4, 4)]);
    assert_eq!(outbox.handle_ack(&huge).unwrap(), Released { committed: 2, parked: 0 });
    let status = outbox.status(&synced(25_000)).unwrap();
    assert_eq!((status.rows, status.parked, status.counts_made, status.oldest_s), (1, 1, 4, 20));
    assert_eq!(seqs(&outbox.next(ALL, &NONE, &synced(25_000)).unwrap()), [1]);
    outbox.commit(&rows(&[25_000]), &synced(26_000)).unwrap();
    assert_eq!(seqs(&outbox.next(ALL, &NONE, &synced(26_000)).unwrap()), [5, 1]);
}

#[test]
fn passages_and_a_plan_of_each_mode_survive() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    let change = |key: &str, state: Option<&str>| PassageChange {
        key: key.to_owned(),
        state: state.map(str::to_owned),
    };
    let passages = vec![change("b", Some("1")), change("a", Some("2")), change("b", Some("3"))];
    outbox.commit(&Batch { passages, ..Batch::default() }, &synced(1)).unwrap();
    let passages = vec![change("a", None), change("c", Some("4")), change("never", None)];
    outbox.commit(&Batch { passages, ..Batch::default() }, &synced(2)).unwrap();
    assert_eq!(outbox.plans().unwrap(), []);
    outbox.save_plan(Mode::Automatic, false, "{\"one\":1}", MonoMs(5)).unwrap();
    outbox.save_plan(Mode::ManualOverride, false, "{\"override\":1}", MonoMs(5)).unwrap();
    outbox.save_plan(Mode::Automatic, false, "{\"two\":2}", MonoMs(6)).unwrap();
    drop(outbox);
    let mut outbox = open(&setup(&folder, 2));
    let kept = [("b", "3"), ("c", "4")].map(|(key, state)| (key.to_owned(), state.to_owned()));
    assert_eq!(outbox.passages().unwrap(), kept);
    let boot = BootId(Uuid::from_u128(1));
    let plan = |body: &str, received| SavedPlan {
        body: body.to_owned(),
        boot,
        received: MonoMs(received),
        came: Some(synced(received).wall),
    };
    assert_eq!(outbox.plans().unwrap(), [plan("{\"two\":2}", 6), plan("{\"override\":1}", 5)]);
    outbox.save_plan(Mode::Automatic, true, "{\"three\":3}", MonoMs(7)).unwrap();
    assert_eq!(outbox.plans().unwrap().len(), 1, "which ends the override");
}

#[test]
fn a_full_outbox_drops_its_oldest_counts_and_tells_of_it_in_one_growing_gap() {
    let folder = folder();
    let limited = Setup { max_bytes: 400_000, ..setup(&folder, 1) };
    let mut outbox = open(&limited);
    let ends: Vec<i64> = (1..1000).map(|interval| interval * 5000).collect();
    for ends in ends.chunks(9) {
        outbox.commit(&rows(ends), &synced(ends[0])).unwrap();
    }
    let status = outbox.status(&synced(5_000_000)).unwrap();
    assert!(status.bytes <= limited.max_bytes + 65_536, "{} bytes", status.bytes);
    assert!(status.dropped > 0 && status.counts_made == 999);
    let sent = outbox.next(ALL, &NONE, &synced(5_000_000)).unwrap();
    assert_eq!(sent.len() as u64, status.rows);
    let gaps: Vec<Gap> = sent.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect();
    let [gap] = gaps.as_slice() else { panic!("{} gaps", gaps.len()) };
    assert_eq!(gap.rows, Some(status.dropped));
    assert_eq!(gap.from, Some(UnixMs(1_000_000_000_000)));
    assert_eq!(gap.to, Some(UnixMs(1_000_000_000_000 + status.dropped as i64 * 5000)));
    assert_eq!(gap.lanes, [LaneId(Uuid::from_u128(7))]);
    assert_eq!(status.rows + status.dropped, 999 + 1);
}

#[test]
fn no_space_left_is_an_error_that_loses_nothing() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000]), &synced(6000)).unwrap();
    let pages: i64 = outbox.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    outbox.connection.pragma_update(None, "max_page_count", pages + 2).unwrap();
    let large = rows(&[10_000; 60]);
    assert!(matches!(outbox.commit(&large, &synced(11_000)), Err(OutboxError::DiskFull)));
    assert_eq!(outbox.status(&synced(11_000)).unwrap().rows, 1);
    outbox.connection.pragma_update(None, "max_page_count", 100_000).unwrap();
    let stored = outbox.commit(&large, &synced(11_000)).unwrap();
    assert_eq!(stored.first(), Some(&Seq(2)));
    assert_eq!(outbox.status(&synced(11_000)).unwrap().rows, 61);
}

/// What a gap says: its times since the start of the uptime, seconds; its lanes, its rows and why.
fn told(row: &Outgoing) -> (Option<i64>, Option<i64>, usize, Option<u64>, String) {
    let gap: Gap = decode(row.payload.as_bytes()).unwrap();
    let seconds = |at: Option<UnixMs>| at.map(|at| (at.0 - 1_000_000_000_000) / 1000);
    (seconds(gap.from), seconds(gap.to), gap.lanes.len(), gap.rows, gap.reason)
}

#[test]
fn rows_that_cannot_be_read_block_no_other_and_a_gap_tells_of_them() {
    let later = "body = '{\"kind\":\"later\"}'";
    let spoilt = "body = CAST(x'7bff7d' AS TEXT)";
    let nowhere = "topic = CAST(x'ff' AS TEXT)";
    for (harm, lanes) in [(later, 1), (spoilt, 1), (nowhere, 0)] {
        let folder = folder();
        let mut outbox = open(&setup(&folder, 1));
        outbox.commit(&rows(&[5000, 10_000, 15_000, 20_000]), &synced(21_000)).unwrap();
        outbox.connection.execute(&format!("UPDATE rows SET {harm} WHERE seq IN (1, 3)"), []).unwrap();
        assert_eq!(seqs(&outbox.next(ALL, &NONE, &synced(21_000)).unwrap()), [4, 2], "{harm}");
        let status = outbox.status(&synced(21_000)).unwrap();
        assert_eq!((status.rows, status.parked, status.dropped, outbox.unreadable()), (3, 2, 2, 2), "{harm}");
        drop(outbox);
        let mut outbox = open(&setup(&folder, 1));
        let sent = outbox.next(ALL, &NONE, &synced(22_000)).unwrap();
        assert_eq!(seqs(&sent), [5, 4, 2], "{harm}");
        let reason = "rows of the outbox could not be read: they are kept apart".to_owned();
        assert_eq!(told(&sent[0]), (Some(0), Some(15), lanes, Some(2), reason), "{harm}");
        assert_eq!(outbox.status(&synced(22_000)).unwrap().rows, 3, "{harm}: it is told once");
    }
}

#[test]
fn a_number_that_a_power_cut_may_undo_is_on_the_disk_before_anybody_hears_of_it() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    let level = |outbox: &Outbox| -> i64 {
        outbox.connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap()
    };
    let (normal, full) = (1, 2);
    let next = |at: i64, sent: &[u64], how: i64, outbox: &mut Outbox| {
        assert_eq!(seqs(&outbox.next(ALL, &NONE, &synced(at)).unwrap()), sent);
        assert_eq!(level(outbox), how, "at {at}");
    };
    outbox.commit(&rows(&[5000]), &synced(6000)).unwrap();
    next(6000, &[1], full, &mut outbox);
    outbox.commit(&rows(&[10_000, 15_000]), &synced(16_000)).unwrap();
    next(16_000, &[3, 2, 1], normal, &mut outbox);
    let spoil = "UPDATE rows SET body = CAST(x'ff' AS TEXT) WHERE seq = 2";
    outbox.connection.execute(spoil, []).unwrap();
    // The gap has number 4, and nobody hears of it yet.
    next(17_000, &[3, 1], normal, &mut outbox);
    next(18_000, &[4, 3, 1], full, &mut outbox);
    next(19_000, &[4, 3, 1], normal, &mut outbox);
}

#[test]
fn a_row_that_is_spoilt_after_it_was_sent_and_a_gap_that_is_spoilt_are_told_of() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000]), &synced(6000)).unwrap();
    outbox.next(ALL, &NONE, &synced(6000)).unwrap();
    let spoil = |outbox: &Outbox, seq: u64| {
        let sql = "UPDATE rows SET body = CAST(x'ff' AS TEXT) WHERE seq = ?1";
        assert_eq!(outbox.connection.execute(sql, [seq as i64]).unwrap(), 1);
    };
    spoil(&outbox, 1);
    assert_eq!(outbox.next(ALL, &NONE, &synced(7000)).unwrap(), []);
    spoil(&outbox, 2);
    assert_eq!(outbox.next(ALL, &NONE, &synced(8000)).unwrap(), []);
    let sent = outbox.next(ALL, &NONE, &synced(9000)).unwrap();
    assert_eq!(seqs(&sent), [3]);
    assert_eq!(told(&sent[0]).3, Some(1), "the gap that was lost");
}

#[test]
fn a_full_outbox_drops_rows_whose_topic_is_spoilt_too() {
    let folder = folder();
    let mut outbox = open(&Setup { max_bytes: 100_000, ..setup(&folder, 1) });
    outbox.commit(&rows(&[5000; 20]), &synced(6000)).unwrap();
    outbox.connection.execute("UPDATE rows SET topic = CAST(x'ff' AS TEXT)", []).unwrap();
    for end in 2..100 {
        outbox.commit(&rows(&[end * 5000; 9]), &synced(end * 5000)).unwrap();
    }
    assert!(outbox.status(&synced(500_000)).unwrap().dropped > 20);
}

#[test]
fn a_newer_file_and_a_second_process_are_refused() {
    let folder = folder();
    let setup = setup(&folder, 1);
    let outbox = open(&setup);
    let second = rusqlite::Connection::open(&setup.path).unwrap();
    second.busy_timeout(std::time::Duration::ZERO).unwrap();
    let locked = second.query_row("SELECT * FROM meta", [], |_| Ok(())).map_err(OutboxError::from);
    assert!(matches!(locked, Err(OutboxError::InUse)), "{locked:?}");
    outbox.connection.pragma_update(None, "user_version", 99).unwrap();
    drop((outbox, second));
    let error = Outbox::open(&setup, &synced(0)).unwrap_err();
    assert!(error.to_string().contains("has version 99, this agent knows versions up to 3"), "{error}");
    assert!(!folder.path().join("outbox.db.corrupt-1").exists());
}
