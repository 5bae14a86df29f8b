//! Days without a server: how long the outbox takes to open, what memory it takes, and how it drains.
//!
//! With a number of rows in `FLEXTRAFF_TEST_BACKLOG_ROWS` and `--nocapture` it tells the figures of the README.

use flextraff_agent::outbox::{Batch, CountsRow, Outbox, Outgoing, Room, RowBody, Setup};
use flextraff_common::ids::{BootId, DeviceId, JunctionId, LaneId, OutboxId};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::Ack;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

const ROWS: &str = "FLEXTRAFF_TEST_BACKLOG_ROWS";
const LANES: u64 = 8;
/// What the link has on the way at most.
const ROOM: Room = Room { rows: 32, bytes: 512 * 1024 };

#[expect(clippy::disallowed_methods, reason = "the test measures")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// Memory of this process, bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it tells the resident memory");
    let kilobytes: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kilobytes * 1024
}

/// An uptime of months.
fn now(seconds: i64) -> Moment {
    let mono = 10_000_000_000 + seconds * 1000;
    Moment { mono: MonoMs(mono), wall: UnixMs(1_700_000_000_000 + mono), clock: ClockState::Synced }
}

fn open(folder: &Path) -> Outbox {
    let setup = Setup {
        path: folder.join("outbox.db"),
        max_bytes: 1_000_000_000,
        device: DeviceId(Uuid::from_u128(1)),
        junction: JunctionId(Uuid::from_u128(2)),
        new_outbox_id: OutboxId(Uuid::from_u128(3)),
        boot: BootId(Uuid::from_u128(4)),
        gives_up: false,
    };
    Outbox::open(&setup, &now(0)).expect("the outbox opens")
}

fn row(lane: u64, end: MonoMs) -> RowBody {
    RowBody::CarCounts(CountsRow {
        lane_id: LaneId(Uuid::from_u128(u128::from(lane))),
        start: MonoMs(end.0 - 5000),
        end,
        epc_ids: vec!["34161FA8203284E4C0F0A7B1".to_owned(); 3],
        observed_s: 5.0,
        departed: 3,
        present: Some(0),
        other_tags: None,
        passages: Vec::new(),
        departures: Vec::new(),
    })
}

/// Writes a row for each number, as `commit` does, but a million at a time.
fn fill(folder: &Path, rows: u64) {
    let mut outbox = open(folder);
    outbox.commit(&Batch { rows: vec![row(0, MonoMs(5000))], ..Batch::default() }, &now(0)).expect("a row");
    drop(outbox);
    let file = rusqlite::Connection::open(folder.join("outbox.db")).expect("the file opens");
    file.execute(
        "WITH RECURSIVE number (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
         INSERT INTO rows (seq, kind, topic, boot, start_ms, end_ms, body)
         SELECT n, kind, topic, boot, n * 600, n * 600 + 5000,
                replace(replace(body, '\"start\":0,', '\"start\":' || (n * 600) || ','), '\"end\":5000,', '\"end\":' || (n * 600 + 5000) || ',')
         FROM number, (SELECT * FROM rows WHERE seq = 1)",
        [rows as i64],
    )
    .expect("there is room");
    file.execute("UPDATE meta SET next_seq = ?1 + 1, counts_made = ?1", [rows as i64])
        .expect("there is room");
}

fn numbers(rows: &[Outgoing]) -> Vec<u64> {
    rows.iter().map(|row| row.seq.0).collect()
}

fn confirm(outbox: &mut Outbox, rows: &[Outgoing]) {
    let committed = numbers(rows).into_iter().map(|seq| (seq, seq)).collect();
    let ack = Ack { outbox_id: outbox.outbox_id(), committed, rejected: Vec::new() };
    assert_eq!(outbox.handle_ack(&ack).expect("the disk has room").committed, rows.len());
}

#[test]
fn days_of_backlog_open_soon_take_no_memory_and_hold_nothing_new_up() {
    let rows: u64 = std::env::var(ROWS).map_or(40_000, |rows| rows.parse().expect("a number of rows"));
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fill(folder.path(), rows);
    let before = memory();
    let (mut outbox, opening) = timed(|| open(folder.path()));
    assert_eq!(outbox.set_aside(), None);
    let status = outbox.status(&now(0)).expect("it can be read");
    assert_eq!(status.rows, rows);
    assert!(opening < Duration::from_mins(1), "it took {opening:?}");

    let (mut drained, mut newest, mut spent) = (0_u64, rows, Vec::new());
    for second in 0..200 {
        if second % 5 == 0 {
            // An interval is over on every lane.
            let end = now(second).mono;
            let new = (0..LANES).map(|lane| row(lane, end)).collect();
            let seqs =
                outbox.commit(&Batch { rows: new, ..Batch::default() }, &now(second)).expect("there is room");
            newest += LANES;
            assert_eq!(seqs.last().map(|seq| seq.0), Some(newest));
        }
        let (sent, took) =
            timed(|| outbox.next(ROOM, &BTreeSet::new(), &now(second)).expect("it can be read"));
        spent.push(took);
        let fresh = if second % 5 == 0 { LANES } else { 0 };
        let expected: Vec<u64> =
            (0..fresh).map(|n| newest - n).chain(drained + 1..=drained + 32 - fresh).collect();
        assert_eq!(numbers(&sent), expected, "the newest first, then the backlog in its order");
        drained += 32 - fresh;
        confirm(&mut outbox, &sent);
    }
    let (early, late): (Duration, Duration) = (spent[..50].iter().sum(), spent[150..].iter().sum());
    assert!(
        late < early * 4 + Duration::from_millis(200),
        "the first rounds took {early:?}, the last {late:?}"
    );
    let grown = memory().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes of memory");
    let status = outbox.status(&now(200)).expect("it can be read");
    assert_eq!(status.rows, rows - drained);
    println!(
        "{rows} rows in {} MB: opened in {} ms, {} MB of memory more, {} µs for 32 rows",
        status.bytes / 1_000_000,
        opening.as_millis(),
        grown / 1_000_000,
        spent.iter().sum::<Duration>().as_micros() / spent.len() as u128
    );
}
