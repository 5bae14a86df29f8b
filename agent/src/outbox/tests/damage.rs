//! A file that cannot be used is set aside, whatever has happened to it, and the gap is told.

use super::*;
use crate::outbox::open::with_room;
use std::fs;

fn gap_after(folder: &tempfile::TempDir, setup: &Setup) -> Gap {
    let mut outbox = open(setup);
    assert_eq!(outbox.outbox_id(), setup.new_outbox_id);
    assert_eq!(outbox.set_aside(), Some(folder.path().join("outbox.db.corrupt-1").as_path()));
    let sent = outbox.next(ALL, &NONE, &synced(10)).unwrap();
    assert_eq!(seqs(&sent), [1]);
    decode(sent[0].payload.as_bytes()).unwrap()
}

#[test]
fn a_damaged_file_is_set_aside_and_the_gap_is_told() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000; 200]), &synced(6000)).unwrap();
    let path = folder.path().join("outbox.db");
    drop(outbox);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 9000].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let gap = gap_after(&folder, &setup(&folder, 2));
    assert_eq!((gap.from, gap.rows, gap.to), (None, None, Some(UnixMs(1_000_000_000_000))));
    assert!(gap.reason.starts_with("the outbox was damaged"), "{}", gap.reason);
}

#[test]
fn another_junctions_outbox_is_not_sent_as_ours() {
    let folder = folder();
    drop(open(&setup(&folder, 1)));
    let moved = Setup { junction: JunctionId(Uuid::from_u128(9)), ..setup(&folder, 2) };
    assert!(gap_after(&folder, &moved).reason.contains("at junction 00000000-0000-0000-0000-000000000002"));
}

/// A file with two hundred rows, closed.
fn filled(folder: &tempfile::TempDir) -> Vec<u8> {
    let mut outbox = open(&setup(folder, 1));
    outbox.commit(&rows(&[5000; 200]), &synced(6000)).unwrap();
    drop(outbox);
    fs::read(folder.path().join("outbox.db")).unwrap()
}

type Harm = fn(&Path, Vec<u8>);

#[test]
fn every_kind_of_damage_is_noticed_when_the_file_is_opened() {
    let harms: [(&str, Harm); 8] = [
        ("cut in the middle of a page", |path, bytes| {
            fs::write(path, &bytes[..bytes.len() / 2 + 100]).unwrap();
        }),
        ("cut to whole pages", |path, bytes| fs::write(path, &bytes[..8 * 4096]).unwrap()),
        ("a header of garbage", |path, mut bytes| {
            bytes[..100].fill(0xA5);
            fs::write(path, bytes).unwrap();
        }),
        ("pages of zeroes in the middle", |path, mut bytes| {
            let middle = bytes.len() / 8192 * 4096;
            bytes[middle..middle + 8192].fill(0);
            fs::write(path, bytes).unwrap();
        }),
        ("empty", |path, _| fs::write(path, b"").unwrap()),
        ("no database", |path, _| fs::write(path, "long enough to look like a database".repeat(50)).unwrap()),
        ("a folder in its place", |path, _| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            fs::write(path.join("lost+found"), "x").unwrap();
        }),
        ("only the log left", |path, _| {
            fs::remove_file(path).unwrap();
            fs::write(path.with_extension("db-wal"), vec![7; 40_000]).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let folder = folder();
        let bytes = filled(&folder);
        harm(&folder.path().join("outbox.db"), bytes);
        let mut outbox =
            Outbox::open(&setup(&folder, 2), &synced(10)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(outbox.outbox_id(), setup(&folder, 2).new_outbox_id, "{what}");
        assert!(outbox.set_aside().is_some(), "{what}");
        outbox.commit(&rows(&[5000]), &synced(6000)).unwrap_or_else(|error| panic!("{what}: {error}"));
        let sent = outbox.next(ALL, &NONE, &synced(6000)).unwrap();
        let gaps: Vec<Gap> = sent.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect();
        assert_eq!((sent.len(), gaps.len()), (2, 1), "{what}");
        assert!(
            gaps[0].reason.starts_with("the outbox was damaged") && gaps[0].rows.is_none(),
            "{what}: {gaps:?}"
        );
        drop(outbox);
        let outbox = open(&setup(&folder, 3));
        assert_eq!((outbox.set_aside(), outbox.status(&synced(0)).unwrap().rows), (None, 2), "{what}: once");
    }
}

#[test]
fn a_log_that_a_power_cut_left_costs_nothing() {
    let folder = folder();
    let path = folder.path().join("outbox.db");
    let wal = path.with_extension("db-wal");
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000; 30]), &synced(6000)).unwrap();
    let (file, mut log) = (fs::read(&path).unwrap(), fs::read(&wal).unwrap());
    drop(outbox);
    // As the cut left them, the last frame of the log half written.
    log.extend_from_slice(&[0x5A; 3000]);
    fs::write(&path, file).unwrap();
    fs::write(&wal, log).unwrap();
    let outbox = open(&setup(&folder, 2));
    assert_eq!((outbox.set_aside(), outbox.status(&synced(0)).unwrap().rows), (None, 30));
}

fn aside(folder: &tempfile::TempDir) -> Vec<String> {
    let names =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.contains("corrupt")).collect();
    names.sort();
    names
}

#[test]
fn files_set_aside_do_not_fill_the_card_and_go_before_counts_do() {
    let folder = folder();
    for boot in 1..10 {
        fs::write(folder.path().join("outbox.db"), format!("no database, number {boot}")).unwrap();
        drop(open(&setup(&folder, boot)));
    }
    assert_eq!(aside(&folder), ["outbox.db.corrupt-1", "outbox.db.corrupt-2", "outbox.db.corrupt-3"]);
    let newest = fs::read_to_string(folder.path().join("outbox.db.corrupt-3")).unwrap();
    assert_eq!(newest, "no database, number 9");
    let mut outbox = open(&setup(&folder, 10));
    let pages: i64 = outbox.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    outbox.connection.pragma_update(None, "max_page_count", pages + 2).unwrap();
    assert!(matches!(outbox.commit(&rows(&[10_000; 60]), &synced(11_000)), Err(OutboxError::DiskFull)));
    assert_eq!(aside(&folder), [""; 0]);
}

#[test]
fn a_file_that_breaks_while_it_is_open_is_replaced() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000; 200]), &synced(6000)).unwrap();
    outbox.connection.execute("DROP TABLE rows", []).unwrap();
    let error = outbox.commit(&rows(&[10_000]), &synced(11_000)).unwrap_err();
    assert!(error.is_damage(), "{error}");
    outbox.start_anew("the outbox was damaged (test)", &synced(11_000)).unwrap();
    assert_ne!(outbox.outbox_id(), setup(&folder, 1).new_outbox_id);
    assert_eq!(aside(&folder), ["outbox.db.corrupt-1"]);
    let first = outbox.outbox_id();
    outbox.commit(&rows(&[10_000]), &synced(11_000)).unwrap();
    assert_eq!(outbox.next(ALL, &NONE, &synced(12_000)).unwrap().len(), 2, "the gap and the row");
    outbox.start_anew("again", &synced(13_000)).unwrap();
    assert!(
        ![first, setup(&folder, 1).new_outbox_id].contains(&outbox.outbox_id()),
        "a name of its own each time"
    );
    drop(outbox);
    assert_eq!(open(&setup(&folder, 2)).set_aside(), None);
}

#[test]
fn a_disk_that_may_not_be_written_says_so_and_is_no_damage() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.connection.pragma_update(None, "query_only", true).unwrap();
    let error = outbox.commit(&rows(&[5000]), &synced(6000)).unwrap_err();
    assert!(matches!(error, OutboxError::ReadOnly) && !error.is_damage(), "{error}");
    outbox.connection.pragma_update(None, "query_only", false).unwrap();
    assert_eq!(outbox.commit(&rows(&[5000]), &synced(6000)).unwrap(), [Seq(1)]);
}

#[test]
fn a_file_of_which_the_disk_says_that_it_is_spoilt_is_set_aside_when_waiting_has_not_helped() {
    let folder = folder();
    drop(filled(&folder));
    // A log that is a link is not opened, and to read what it leads to is an input/output error.
    let log = folder.path().join("outbox.db-wal");
    std::os::unix::fs::symlink("/proc/self/mem", log).unwrap();
    let waits = setup(&folder, 2);
    let failed = Outbox::open(&waits, &synced(1)).unwrap_err();
    assert!(failed.is_of_disk(), "{failed}");
    assert!(!folder.path().join("outbox.db.corrupt-1").exists());
    let gap = gap_after(&folder, &Setup { gives_up: true, ..waits });
    assert!(gap.reason.starts_with("the disk did not let the outbox be used"), "{}", gap.reason);
    assert!(folder.path().join("outbox.db.corrupt-1-wal").is_symlink());
}

#[test]
fn a_file_that_may_not_be_opened_is_waited_for_however_long_it_takes() {
    let folder = folder();
    drop(filled(&folder));
    // As one that belongs to somebody else: it is there, and is not opened.
    let log = folder.path().join("outbox.db-wal");
    fs::create_dir(&log).unwrap();
    let gives_up = Setup { gives_up: true, ..setup(&folder, 2) };
    let failed = Outbox::open(&gives_up, &synced(1)).unwrap_err();
    assert!(matches!(failed, OutboxError::CannotOpen(_)), "{failed}");
    assert!(failed.to_string().contains("belong to the user flextraff"), "{failed}");
    fs::remove_dir(&log).unwrap();
    let outbox = Outbox::open(&gives_up, &synced(2)).unwrap();
    assert_eq!((outbox.set_aside(), outbox.status(&synced(2)).unwrap().rows), (None, 200));
}

#[test]
fn a_disk_that_was_away_gives_the_same_file_again_with_what_it_was_not_known_to_have() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000, 10_000]), &synced(11_000)).unwrap();
    let known = outbox.last_seq;
    let stored = rows(&[15_000]);
    outbox.commit(&stored, &synced(16_000)).unwrap();
    outbox.last_seq = known;
    let (path, away) = (folder.path().join("outbox.db"), folder.path().join("away"));
    fs::rename(&path, &away).unwrap();
    fs::rename(folder.path().join("outbox.db-wal"), folder.path().join("away-wal")).unwrap();
    for _ in 0..2 {
        let failed = outbox.open_again(&synced(17_000)).unwrap_err();
        assert!(failed.to_string().contains("mount its disk"), "{failed}");
        assert!(matches!(outbox.commit(&rows(&[20_000]), &synced(21_000)), Err(OutboxError::Closed)));
        assert!(matches!(outbox.status(&synced(21_000)), Err(OutboxError::Closed)));
    }
    fs::rename(&away, &path).unwrap();
    fs::rename(folder.path().join("away-wal"), folder.path().join("outbox.db-wal")).unwrap();
    let found = outbox.open_again(&synced(22_000)).unwrap();
    assert_eq!(found, [stored.rows[0].stored_first().unwrap()]);
    assert_eq!((outbox.outbox_id(), outbox.set_aside()), (setup(&folder, 1).new_outbox_id, None));
    assert_eq!(outbox.commit(&rows(&[20_000]), &synced(23_000)).unwrap(), [Seq(4)]);
    assert_eq!(outbox.open_again(&synced(24_000)).unwrap(), [""; 0]);
}

#[test]
fn files_set_aside_make_room_for_a_start_and_stay_where_there_is_some() {
    let folder = folder();
    let old = folder.path().join("outbox.db.corrupt-1");
    fs::write(&old, "to be looked at").unwrap();
    drop(open(&setup(&folder, 1)));
    assert!(old.exists(), "there is room");
    let mut tries = 0;
    let opened = with_room(&folder.path().join("outbox.db"), || {
        tries += 1;
        if old.exists() { Err(OutboxError::DiskFull) } else { Ok(()) }
    });
    assert!(opened.is_ok() && tries == 2);
    let without = with_room::<()>(&folder.path().join("outbox.db"), || Err(OutboxError::DiskFull));
    assert!(matches!(without, Err(OutboxError::DiskFull)));
}

#[test]
fn a_file_whose_uptimes_are_spoilt_is_set_aside_and_blocks_nothing() {
    for harm in ["boots SET boot_id = 'no name'", "boots SET boot_id = CAST(x'ff' AS TEXT)"] {
        let folder = folder();
        let mut outbox = open(&setup(&folder, 1));
        outbox.commit(&rows(&[5000]), &synced(6000)).unwrap();
        outbox.connection.execute(&format!("UPDATE {harm}"), []).unwrap();
        let error = outbox.next(ALL, &NONE, &synced(6000)).unwrap_err();
        assert!(error.is_damage(), "{harm}: {error}");
    }
    // What only comes to light after the checks of opening.
    let folder = folder();
    let outbox = open(&setup(&folder, 1));
    outbox.connection.execute("ALTER TABLE rows RENAME COLUMN end_ms TO ended_ms", []).unwrap();
    drop(outbox);
    let gap = gap_after(&folder, &setup(&folder, 2));
    assert!(gap.reason.starts_with("the outbox was damaged"), "{}", gap.reason);
}
