use super::*;
use crate::config::Privacy;
use flextraff_common::epc::TagKey;
use flextraff_common::ids::BootId;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{CityKey, Keys, ZoneName};
use uuid::Uuid;

const EPOCH: i64 = 1_770_000_000_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn at(ms: i64) -> Moment {
    Moment { mono: MonoMs(ms), wall: UnixMs(EPOCH + ms), clock: ClockState::Synced }
}

/// The clock of a Pi that has just started: some time of the past.
fn unsynced(ms: i64) -> Moment {
    Moment { mono: MonoMs(ms), wall: UnixMs(ms), clock: ClockState::Unsynced }
}

fn read() -> Read {
    let epc = "34161FA8203E7CB202000020".parse().expect("an EPC");
    Read { lane: LaneIx::new(0), zone: ZoneName::StopLine, epc, rssi: None, at: MonoMs(0) }
}

fn key(number: u8, from: i64, until: i64) -> CityKey {
    CityKey {
        key_id: format!("k{number}").parse().expect("a name"),
        key: TagKey::new([number; 32]),
        valid_from: UnixMs(EPOCH + from),
        valid_until: UnixMs(EPOCH + until),
    }
}

fn keys(city: Vec<CityKey>) -> Keys {
    Keys { watchlist_key: None, city }
}

fn fresh(mut start: u8) -> Box<dyn FnMut() -> [u8; 32] + Send + Sync> {
    Box::new(move || {
        start = start.wrapping_add(1);
        [start; 32]
    })
}

fn names(kept: KeptKeys, now: Moment) -> Names {
    Names::new(Privacy::Pseudonym, kept, fresh(100), now)
}

/// Key under which the vehicle is named, and the one before.
fn named(names: &Names) -> (String, Option<String>) {
    let sighting = names.sight(&read());
    let id = |epc: Epc| epc.pseudonym().expect("never the EPC itself").key.to_string();
    (id(sighting.read.epc), sighting.prev.map(id))
}

#[test]
fn the_period_decides_and_for_two_hours_the_name_of_before_goes_along() {
    let mut names = names(KeptKeys::default(), at(0));
    let city = vec![key(1, -HOUR, DAY), key(2, DAY, 2 * DAY)];
    assert!(names.handle_keys(&keys(city), at(1000)).is_empty());
    names.handle_timeout(at(3 * HOUR));
    assert_eq!(named(&names), ("k1".to_owned(), None));
    let old = names.sight(&read()).read.epc;
    names.handle_timeout(at(DAY - 1));
    assert_eq!(named(&names), ("k1".to_owned(), None));
    names.handle_timeout(at(DAY));
    assert_eq!(named(&names), ("k2".to_owned(), Some("k1".to_owned())));
    assert_eq!(names.sight(&read()).prev, Some(old));
    names.handle_timeout(at(DAY + 2 * HOUR - 1));
    assert_eq!(named(&names).1, Some("k1".to_owned()));
    names.handle_timeout(at(DAY + 2 * HOUR));
    assert_eq!(named(&names), ("k2".to_owned(), None));
    names.handle_timeout(at(40 * DAY));
    assert_eq!(named(&names), ("k2".to_owned(), None), "the last one serves when none is valid");
    let sighting = names.sight(&read());
    assert!(sighting.fastag, "what the EPC says of itself is known all the same");
    let expected = TagKey::new([2; 32]).tag(&read().epc);
    assert_eq!(sighting.read.epc.to_string(), format!("p:k2:{expected}"));
}

#[test]
fn without_a_key_a_local_one_serves_for_a_day_and_never_the_epc() {
    let mut names = names(KeptKeys::default(), unsynced(0));
    let (first, before) = named(&names);
    assert!(first.starts_with("local-") && before.is_none(), "{first}");
    names.handle_timeout(at(60_000));
    assert_eq!(named(&names), (first.clone(), None), "the clock's first setting changes no name");
    names.handle_timeout(at(DAY));
    assert_eq!(named(&names).0, first);
    names.handle_timeout(at(DAY + 60_000));
    let (second, before) = named(&names);
    assert!(second.starts_with("local-") && second != first);
    assert_eq!(before, Some(first));
    let refused = names.handle_keys(&keys(vec![key(1, 0, 9 * DAY)]), at(DAY + 61_000));
    assert!(refused.is_empty());
    assert_eq!(named(&names), ("k1".to_owned(), Some(second)));
}

#[test]
fn an_unsynchronised_clock_changes_nothing() {
    let mut before = names(KeptKeys::default(), at(0));
    before.handle_keys(&keys(vec![key(1, -DAY, DAY), key(2, DAY, 2 * DAY)]), at(0));
    before.handle_timeout(at(DAY + 1000));
    let kept = before.take_unsaved().expect("it has changed");
    assert!(before.take_unsaved().is_none());
    // A restart an hour later; the clock is in the past until it is set.
    let mut names = names(kept.in_uptime(BootId(Uuid::from_u128(2))), unsynced(0));
    assert_eq!(named(&names).0, "k2");
    names.handle_timeout(unsynced(10_000));
    assert_eq!(named(&names).0, "k2");
    // Keys that come to a device that has none are taken in their order.
    let mut new = super::tests::names(KeptKeys::default(), unsynced(0));
    new.handle_keys(&keys(vec![key(2, DAY, 2 * DAY), key(1, -DAY, DAY)]), unsynced(5));
    assert_eq!(named(&new).0, "k1");
}

/// A moment at which the time service is gone, and the wall clock has been set by hand.
fn cut_off(ms: i64) -> Moment {
    Moment { wall: UnixMs(5 * HOUR + ms), clock: ClockState::Unsynced, ..at(ms) }
}

#[test]
fn a_junction_that_is_cut_off_changes_keys_by_the_clock_that_was_right_before() {
    let mut names = names(KeptKeys::default(), at(0));
    names.handle_keys(&keys(vec![key(1, -DAY, DAY), key(2, DAY, 2 * DAY), key(3, 2 * DAY, 3 * DAY)]), at(0));
    names.handle_timeout(at(14 * HOUR));
    names.handle_timeout(cut_off(DAY - 1));
    assert_eq!(named(&names), ("k1".to_owned(), None));
    names.handle_timeout(cut_off(DAY));
    assert_eq!(named(&names), ("k2".to_owned(), Some("k1".to_owned())));
    names.handle_timeout(cut_off(DAY + 2 * HOUR));
    assert_eq!(named(&names), ("k2".to_owned(), None));
    names.handle_timeout(cut_off(2 * DAY));
    assert_eq!(named(&names), ("k3".to_owned(), Some("k2".to_owned())));
    names.handle_timeout(cut_off(40 * DAY));
    assert_eq!(named(&names), ("k3".to_owned(), None), "there is no other");
    // The service comes back, and says that the crystal was fast.
    let back = Moment { wall: UnixMs(EPOCH + DAY + HOUR), ..at(40 * DAY + 1000) };
    names.handle_keys(&keys(vec![key(2, DAY, 2 * DAY)]), back);
    assert_eq!(named(&names).0, "k2", "a synchronised clock is right");
}

#[test]
fn a_restart_in_the_same_uptime_still_knows_the_time_and_one_in_another_does_not() {
    let (boot, other) = (BootId(Uuid::from_u128(1)), BootId(Uuid::from_u128(2)));
    let mut before = names(KeptKeys::default().in_uptime(boot), at(0));
    before.handle_keys(&keys(vec![key(1, -DAY, DAY), key(2, DAY, 2 * DAY)]), at(0));
    let kept = before.take_unsaved().expect("it has changed");
    before.handle_timeout(at(HOUR));
    assert!(before.take_unsaved().is_none(), "the clock has not moved");
    let mut same = names(kept.clone().in_uptime(boot), cut_off(DAY - HOUR));
    assert_eq!(named(&same).0, "k1");
    same.handle_timeout(cut_off(DAY + HOUR));
    assert_eq!(named(&same).0, "k2");
    let mut another = names(kept.in_uptime(other), cut_off(DAY - HOUR));
    another.handle_timeout(cut_off(DAY + HOUR));
    assert_eq!(named(&another).0, "k1");
}

#[test]
fn a_restart_goes_on_with_the_key_and_the_rest_of_the_two_hours() {
    let mut before = names(KeptKeys::default(), at(0));
    before.handle_keys(&keys(vec![key(1, -DAY, DAY), key(2, DAY, 2 * DAY)]), at(0));
    before.handle_timeout(at(DAY));
    let kept = before.take_unsaved().expect("it has changed");
    let boot = |ms: i64| Moment {
        mono: MonoMs(ms),
        wall: UnixMs(EPOCH + DAY + HOUR + ms),
        clock: ClockState::Synced,
    };
    let mut names = names(kept, boot(0));
    assert_eq!(named(&names), ("k2".to_owned(), Some("k1".to_owned())));
    names.handle_timeout(boot(HOUR - 1));
    assert_eq!(named(&names).1, Some("k1".to_owned()));
    names.handle_timeout(boot(HOUR));
    assert_eq!(named(&names), ("k2".to_owned(), None));
}

#[test]
fn bad_keys_are_left_out_by_name_and_the_number_is_bounded() {
    let mut names = names(KeptKeys::default(), at(0));
    names.handle_keys(&keys(vec![key(1, -DAY, DAY)]), at(0));
    let other = CityKey { key: TagKey::new([9; 32]), ..key(1, -DAY, DAY) };
    let local = CityKey { key_id: "local-1".parse().unwrap(), ..key(3, 0, DAY) };
    let refused = names.handle_keys(&keys(vec![other, key(2, DAY, DAY), local]), at(0));
    assert_eq!(refused.len(), 3);
    assert!(refused[0].contains("k1") && refused[1].contains("valid_until"), "{refused:?}");
    assert!(refused.iter().all(|reason| !reason.contains("0909")));
    assert_eq!(named(&names).0, "k1");
    for round in 0..10_u8 {
        let city = (0..20).map(|day| key(20 * round + day, DAY * i64::from(day), DAY * i64::from(day + 1)));
        names.handle_keys(&keys(city.collect()), at(0));
    }
    assert!(names.take_unsaved().expect("changed").city.len() <= 41);
    assert_eq!(named(&names).0.as_bytes()[0], b'k');
}

#[test]
fn raw_keeps_the_epc_and_keeps_no_key() {
    let mut names = Names::new(Privacy::Raw, KeptKeys::default(), fresh(1), at(0));
    names.handle_keys(&keys(vec![key(1, -DAY, DAY)]), at(0));
    assert_eq!(names.sight(&read()), Sighting::from(&read()));
    assert!(names.take_unsaved().is_none() && names.key_id().is_none());
}

#[test]
fn the_watch_list_still_finds_a_vehicle_that_has_a_pseudonym() {
    let mut names = names(KeptKeys::default(), at(0));
    let junction = TagKey::new([7; 32]);
    names.handle_keys(&Keys { watchlist_key: Some(junction.clone()), city: Vec::new() }, at(0));
    assert_eq!(names.sight(&read()).keyed, Some(junction.tag(&read().epc)));
}

#[test]
fn the_file_is_for_its_owner_only_and_damage_shows_nothing_of_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = store::path(&folder.path().join("state/outbox.sqlite"));
    assert_eq!(store::load::<KeptKeys>(&path).unwrap(), KeptKeys::default());
    let mut names = names(KeptKeys::default(), at(0));
    names.handle_keys(&keys(vec![key(1, -DAY, DAY)]), at(0));
    let kept = names.take_unsaved().unwrap();
    for _ in 0..2 {
        store::save(&path, &kept).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(store::load::<KeptKeys>(&path).unwrap(), kept);
    }
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("0101", "01zz")).unwrap();
    let error = store::load::<KeptKeys>(&path).unwrap_err().to_string();
    assert!(error.contains("line 1") && !error.contains("zz") && !error.contains("0101"), "{error}");
}
