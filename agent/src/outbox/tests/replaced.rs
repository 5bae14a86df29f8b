//! The gap of a file that was set aside is told once, wherever the power goes meanwhile.

use super::*;
use crate::outbox::open::{set_aside, try_open};
use crate::outbox::replaced;
use std::fs;

const REASON: &str = "the outbox was damaged (a test)";

/// What waits to be sent, all of it gaps.
fn gaps(outbox: &mut Outbox) -> Vec<Gap> {
    let rows = outbox.next(ALL, &NONE, &synced(10)).unwrap();
    rows.iter().map(|row| decode(row.payload.as_bytes()).expect("nothing else is there")).collect()
}

fn note_of(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("outbox.db.replaced")
}

/// Damages a file with rows in it, so that it opens no more.
fn damaged(folder: &tempfile::TempDir) -> PathBuf {
    let mut outbox = open(&setup(folder, 1));
    outbox.commit(&rows(&[5000; 20]), &synced(6000)).unwrap();
    drop(outbox);
    let path = folder.path().join("outbox.db");
    fs::write(&path, "no database").unwrap();
    path
}

type Cut = fn(&Path, &Setup);

#[test]
fn a_gap_is_told_once_wherever_the_power_goes() {
    let cuts: [(&str, Cut); 7] = [
        ("before the file is moved", |_, _| {}),
        ("before its log is moved", |path, _| {
            fs::rename(path, path.with_extension("db.corrupt-1")).unwrap();
            fs::write(path.with_extension("db-wal"), "what is left of it").unwrap();
        }),
        ("before there is a new file", |path, _| {
            set_aside(path).unwrap().expect("there is one");
        }),
        ("before the new file holds anything", |path, _| {
            set_aside(path).unwrap().expect("there is one");
            fs::write(path, "").unwrap();
        }),
        ("before the gap is stored", |path, setup| {
            set_aside(path).unwrap().expect("there is one");
            drop(try_open(setup).unwrap());
        }),
        ("before the note is forgotten", |path, setup| {
            drop(open(setup));
            replaced::note(path, REASON).unwrap();
        }),
        ("before the note is forgotten, and again", |path, setup| {
            for _ in 0..2 {
                drop(open(setup));
                replaced::note(path, REASON).unwrap();
            }
        }),
    ];
    for (cut, come_to_it) in cuts {
        let folder = folder();
        let path = damaged(&folder);
        replaced::note(&path, REASON).unwrap();
        come_to_it(&path, &setup(&folder, 2));
        for boot in 3..5 {
            let mut outbox = open(&setup(&folder, boot));
            let told = gaps(&mut outbox);
            assert_eq!(told.len(), 1, "{cut}");
            assert_eq!(told[0].reason, REASON, "{cut}");
            assert!(!note_of(&folder).exists(), "{cut}");
        }
    }
}

#[test]
fn a_file_that_was_not_replaced_after_all_has_no_gap() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[5000; 2]), &synced(6000)).unwrap();
    replaced::note(&folder.path().join("outbox.db"), REASON).unwrap();
    drop(outbox);
    let outbox = open(&setup(&folder, 2));
    assert_eq!((outbox.set_aside(), outbox.status(&synced(0)).unwrap().rows), (None, 2));
    assert!(!note_of(&folder).exists());
}

#[test]
fn a_file_stays_where_it_is_until_the_reason_is_noted() {
    let folder = folder();
    let path = damaged(&folder);
    let in_the_way = folder.path().join("outbox.db.replaced.new");
    fs::create_dir(&in_the_way).unwrap();
    let error = Outbox::open(&setup(&folder, 2), &synced(0)).unwrap_err();
    assert!(matches!(error, OutboxError::Io { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "no database");
    fs::remove_dir(&in_the_way).unwrap();
    let told = gaps(&mut open(&setup(&folder, 2)));
    assert_eq!(told.len(), 1);
    assert!(told[0].reason.starts_with("the outbox was damaged"), "{}", told[0].reason);
}

#[test]
fn a_note_that_cannot_be_read_is_a_gap_all_the_same() {
    let folder = folder();
    let path = damaged(&folder);
    fs::create_dir(note_of(&folder)).unwrap();
    set_aside(&path).unwrap().expect("there is one");
    for boot in 2..4 {
        let told = gaps(&mut open(&setup(&folder, boot)));
        assert_eq!(told.len(), 1);
        assert!(told[0].reason.starts_with("the outbox was replaced"), "{}", told[0].reason);
    }
}
