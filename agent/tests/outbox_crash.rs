//! An agent that is killed at any moment keeps every row that it was told is stored, and never gives a number twice.

use flextraff_agent::outbox::{Batch, CountsRow, Outbox, Outgoing, PassageChange, Room, RowBody, Setup};
use flextraff_common::ids::{BootId, DeviceId, JunctionId, LaneId, OutboxId, Seq};
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Ack, CarCounts, decode};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use uuid::Uuid;

/// Set for the child: the folder of the outbox.
const FOLDER: &str = "FLEXTRAFF_TEST_OUTBOX";
/// Set for the child: which life it is.
const LIFE: &str = "FLEXTRAFF_TEST_LIFE";
const LIVES: u64 = 20;

fn now(mono: i64) -> Moment {
    Moment { mono: MonoMs(mono), wall: UnixMs(1_800_000_000_000 + mono), clock: ClockState::Synced }
}

fn open(folder: &Path, life: u64) -> Outbox {
    let setup = Setup {
        path: folder.join("outbox.db"),
        max_bytes: 100_000_000,
        device: DeviceId(Uuid::from_u128(1)),
        junction: JunctionId(Uuid::from_u128(2)),
        new_outbox_id: OutboxId(Uuid::from_u128(3)),
        boot: BootId(Uuid::from_u128(100 + u128::from(life))),
        gives_up: false,
    };
    Outbox::open(&setup, &now(0)).expect("the outbox opens after any crash")
}

/// A row that says in which life and batch it was made.
fn row(life: u64, batch: u64, n: u64) -> RowBody {
    RowBody::CarCounts(CountsRow {
        lane_id: LaneId(Uuid::from_u128(7)),
        start: MonoMs(0),
        end: MonoMs(5000),
        epc_ids: vec![name(life, batch, n); 1 + n as usize * 20],
        observed_s: 5.0,
        departed: 0,
        present: None,
        other_tags: None,
        passages: Vec::new(),
        departures: Vec::new(),
    })
}

fn name(life: u64, batch: u64, n: u64) -> String {
    format!("{life}-{batch}-{n}")
}

fn everything(outbox: &mut Outbox) -> Vec<Outgoing> {
    let room = Room { rows: usize::MAX, bytes: usize::MAX };
    outbox.next(room, &BTreeSet::new(), &now(1)).expect("the outbox can be read")
}

#[test]
fn what_was_stored_survives_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut stored: BTreeMap<Seq, String> = BTreeMap::new();
    for life in 0..LIVES {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_stores_until_killed", "--nocapture", "--ignored"])
            .env(FOLDER, folder.path())
            .env(LIFE, life.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = 0;
        // The kill comes while the child is somewhere in its next batch.
        while told < 5 + life * 7 % 23 {
            told += u64::from(note(&output.next().expect("the child stores").unwrap(), &mut stored));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in output.map_while(Result::ok) {
            note(&line, &mut stored);
        }
        check(folder.path(), life, &mut stored);
    }
    assert!(stored.len() as u64 > LIVES * 5);
    let file = rusqlite::Connection::open(folder.path().join("outbox.db")).unwrap();
    let verdict: String = file.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

/// Takes a line `stored <seq> <name>` of the child; whether it is one.
fn note(line: &str, stored: &mut BTreeMap<Seq, String>) -> bool {
    let parts: Vec<&str> = line.split(' ').collect();
    let ["stored", seq, name] = parts[..] else { return false };
    let before = stored.insert(Seq(seq.parse().expect("a number")), name.to_owned());
    assert_eq!(before, None, "number {seq} was given twice");
    true
}

/// Everything that was told is there; the rest of the last batch may be. Every third row then is answered.
fn check(folder: &Path, life: u64, stored: &mut BTreeMap<Seq, String>) {
    let mut outbox = open(folder, 1000 + life);
    assert_eq!(outbox.set_aside(), None);
    assert_eq!(outbox.outbox_id(), OutboxId(Uuid::from_u128(3)));
    let passages = outbox.passages().expect("the outbox can be read");
    let rows: BTreeMap<Seq, String> = everything(&mut outbox)
        .into_iter()
        .map(|row| {
            let counts: CarCounts = decode(row.payload.as_bytes()).expect("a message");
            (row.seq, counts.epc_ids[0].clone())
        })
        .collect();
    for (seq, name) in stored.iter().filter(|(_, name)| !name.is_empty()) {
        assert_eq!(rows.get(seq), Some(name), "row {seq} was stored");
    }
    // Passages are stored with the rows of their batch or not at all.
    let newest = rows.values().next_back().expect("there are rows");
    assert!(newest.starts_with(&format!("{}-", passages[0].1)), "{newest} beside {passages:?}");
    stored.extend(rows.iter().map(|(&seq, name)| (seq, name.clone())));
    let answered: Vec<(u64, u64)> =
        rows.keys().filter(|seq| seq.0 % 3 == 0).map(|seq| (seq.0, seq.0)).collect();
    for (seq, _) in &answered {
        stored.insert(Seq(*seq), String::new());
    }
    let ack = Ack { outbox_id: outbox.outbox_id(), committed: answered, rejected: Vec::new() };
    outbox.handle_ack(&ack).expect("the outbox can be written");
}

#[test]
#[ignore = "runs only as the child of another test"]
fn child_that_stores_until_killed() {
    let (Ok(folder), Ok(life)) = (std::env::var(FOLDER), std::env::var(LIFE)) else { return };
    let life = life.parse().unwrap();
    let mut outbox = open(Path::new(&folder), life);
    for batch in 0.. {
        let rows: Vec<RowBody> = (0..=batch % 7).map(|n| row(life, batch, n)).collect();
        let state = Some(format!("{life}-{batch}"));
        let passages = vec![PassageChange { key: "open".to_owned(), state }];
        let seqs = outbox.commit(&Batch { rows, passages, ..Batch::default() }, &now(1)).unwrap();
        let mut output = std::io::stdout().lock();
        for (n, seq) in seqs.iter().enumerate() {
            writeln!(output, "stored {seq} {}", name(life, batch, n as u64)).unwrap();
        }
        output.flush().unwrap();
        if batch % 5 == 4 {
            let room = Room { rows: 8, bytes: 1_000_000 };
            outbox.next(room, &BTreeSet::new(), &now(1)).unwrap();
        }
    }
}
