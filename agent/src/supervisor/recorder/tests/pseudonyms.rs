//! What is stored and told where vehicles have pseudonyms, and what devices of one junction make of each other's vehicles.

use super::*;
use flextraff_common::epc::TagKey;
use flextraff_common::wire::{CityKey, Keys};
use std::fs;

const MINUTE: i64 = 60_000;

fn pseudonyms() -> SharedNames {
    let fresh = Box::new(|| [7; 32]);
    SharedNames::new(Names::new(Privacy::Pseudonym, KeptKeys::default(), fresh, moment(0)))
}

/// Keys of two periods, the second from `change` on.
fn keys(change: i64) -> Keys {
    let key = |number: u8, from, until| CityKey {
        key_id: format!("k{number}").parse().expect("a name"),
        key: TagKey::new([number; 32]),
        valid_from: UnixMs(EPOCH + from),
        valid_until: UnixMs(EPOCH + until),
    };
    Keys { watchlist_key: None, city: vec![key(1, -MINUTE, change), key(2, change, 1000 * MINUTE)] }
}

fn setup(folder: &Path, names: &SharedNames) -> RecorderSetup {
    RecorderSetup {
        path: folder.join("outbox.sqlite"),
        boot: BOOT,
        new_outbox_id: OutboxId(Uuid::from_u128(7)),
        all_lanes_watched: true,
        names: names.clone(),
        gives_up: false,
        starts_anew: false,
    }
}

fn open_with(folder: &Path, names: &SharedNames, ms: i64) -> Recorder {
    Recorder::open(example(), &setup(folder, names), &moment(ms)).expect("the outbox opens")
}

/// All that lies in a folder, as one text.
fn on_disk(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

#[test]
fn the_epc_reaches_no_disk_and_a_change_of_key_and_a_kill_count_the_vehicle_once() {
    let folder = tempfile::tempdir().unwrap();
    let names = pseudonyms();
    names.update(|names| names.handle_keys(&keys(103_000), moment(100_000)));
    let mut recorder = open_with(folder.path(), &names, 100_000);
    recorder.handle_read(names.sight(&read(101_200)));
    advance(&mut recorder, 101_000, 102_000);
    assert!(on_disk(folder.path()).contains("p:k1:"), "the open passage is kept");
    drop(recorder);
    names.update(|names| names.handle_timeout(moment(103_000)));
    let mut recorder = open_with(folder.path(), &names, 103_000);
    for ms in [103_500, 108_000, 112_000] {
        advance(&mut recorder, ms - 500, ms);
        recorder.handle_read(names.sight(&read(ms)));
    }
    advance(&mut recorder, 112_000, 140_000);
    let told = counts(&mut recorder, 140_000);
    let counted: Vec<&String> = told.iter().flat_map(|row| &row.epc_ids).collect();
    let expected = format!("p:k1:{}", TagKey::new([1; 32]).tag(&read(0).epc));
    assert_eq!(counted, [&expected]);
    let departed: Vec<String> =
        told.iter().flat_map(|row| row.departures.iter().flatten()).map(|one| one.epc.clone()).collect();
    assert_eq!(departed, [expected]);
    assert!(told.iter().flat_map(|row| row.passages.iter().flatten()).all(|passage| passage.valid));
    // Somebody else soon after the change has both names.
    recorder.handle_read(names.sight(&read(150_000)));
    advance(&mut recorder, 141_000, 170_000);
    let told = counts(&mut recorder, 170_000);
    let later = told.iter().find(|row| row.epc_ids.iter().any(|epc| epc.starts_with("p:k2:"))).unwrap();
    let prev = later.passages.as_ref().unwrap()[0].prev.as_ref();
    assert!(prev.is_some_and(|prev| prev.starts_with("p:k1:")));
    drop(recorder);
    let disk = on_disk(folder.path());
    assert!(disk.contains("p:k2:") && !disk.to_uppercase().contains(EPC));
}

#[test]
fn passages_that_were_kept_under_their_epc_go_on_under_pseudonyms_after_a_change_of_setting() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = open(folder.path(), BOOT, 100_000);
    recorder.handle_read(&read(101_200));
    advance(&mut recorder, 101_000, 107_000);
    assert_eq!(vehicles(&mut recorder, 107_000), 1);
    drop(recorder);
    let names = pseudonyms();
    let mut recorder = open_with(folder.path(), &names, 108_000);
    recorder.handle_read(names.sight(&read(109_000)));
    advance(&mut recorder, 108_000, 140_000);
    assert_eq!(vehicles(&mut recorder, 140_000), 1, "still the one of before");
}

#[test]
fn without_a_key_vehicles_have_names_of_this_device_alone() {
    let folder = tempfile::tempdir().unwrap();
    let names = pseudonyms();
    let mut recorder = open_with(folder.path(), &names, 100_000);
    recorder.handle_read(names.sight(&read(101_200)));
    advance(&mut recorder, 101_000, 107_000);
    let told = counts(&mut recorder, 107_000);
    assert!(told.iter().flat_map(|row| &row.epc_ids).all(|epc| epc.starts_with("p:local-07070707:")));
    assert_eq!(vehicles(&mut recorder, 107_000), 1);
}

fn device(number: u128) -> flextraff_common::ids::DeviceId {
    flextraff_common::ids::DeviceId(Uuid::from_u128(number))
}

fn told(by: u128, ms: i64, passages: Vec<DemandPassage>) -> Demand {
    Demand { passages, ..Demand::new(device(by), UnixMs(EPOCH + ms)) }
}

#[test]
fn a_vehicle_that_two_devices_of_the_junction_see_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let passage = || DemandPassage { epc: EPC.to_owned(), prev: None, counts: true };
    let count = |name: &str, demand: &Demand| {
        let mut recorder = open(&folder.path().join(name), BOOT, 100_000);
        recorder.handle_demand(&told(1, 100_000, Vec::new()), &moment(100_000));
        recorder.handle_read(&read(101_200));
        assert_eq!(recorder.take_told(MonoMs(101_300)), [], "the disk does not have it yet");
        recorder.handle_timeout(&moment(101_300));
        assert!(recorder.next_timeout() <= MonoMs(101_300));
        let claims = recorder.take_told(MonoMs(101_300));
        assert_eq!(claims, [passage()]);
        recorder.handle_demand(demand, &moment(101_500));
        advance(&mut recorder, 102_000, 130_000);
        vehicles(&mut recorder, 130_000)
    };
    assert_eq!(count("lower", &told(1, 101_400, vec![passage()])), 0, "the lower id counts it");
    assert_eq!(count("higher", &told(u128::MAX, 101_400, vec![passage()])), 1);
    assert_eq!(count("own", &Demand { device_id: example().device, ..told(1, 101_400, vec![passage()]) }), 1);
    assert_eq!(count("old", &told(1, 90_000, vec![passage()])), 1, "old news");
    let nonsense = DemandPassage { epc: "p:k".to_owned(), ..passage() };
    assert_eq!(count("nonsense", &told(1, 101_400, vec![nonsense])), 1);
}

#[test]
fn what_others_wait_for_is_stored_soon_whatever_the_time_between_commits() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::clone(&example());
    config.outbox.flush_ms = 60_000;
    let names = super::names();
    let mut recorder =
        Recorder::open(Arc::new(config), &setup(folder.path(), &names), &moment(100_000)).unwrap();
    recorder.handle_timeout(&moment(100_000));
    recorder.handle_demand(&told(1, 101_000, Vec::new()), &moment(101_000));
    recorder.handle_read(&read(101_200));
    assert_eq!(recorder.next_timeout(), MonoMs(101_000));
    recorder.handle_timeout(&moment(101_200));
    assert_eq!(recorder.take_told(MonoMs(101_200)).len(), 1);
    recorder.handle_read(&read(101_500));
    assert!(recorder.next_timeout() > MonoMs(104_000), "nobody waits for more");
}

#[test]
fn whom_it_counted_before_the_machine_started_anew_it_does_not_count_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = open(folder.path(), BOOT, 900_000);
    recorder.handle_read(&read(901_200));
    recorder.flush(&moment(902_000));
    drop(recorder);
    let mut recorder = open(folder.path(), LATER_BOOT, 20_000);
    let others = DemandPassage { epc: EPC.to_owned(), prev: None, counts: false };
    recorder.handle_demand(&told(1, 21_000, vec![others]), &moment(21_000));
    recorder.handle_read(&read(21_500));
    advance(&mut recorder, 22_000, 60_000);
    assert_eq!(vehicles(&mut recorder, 60_000), 1);
}
