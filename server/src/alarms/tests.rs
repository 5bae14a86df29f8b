//! What becomes an alarm, when, and when it is over.

use super::*;
use flextraff_common::wire::Status;
use serde_json::{Value, json};
use uuid::Uuid;

const DEVICE: DeviceId = DeviceId(Uuid::from_u128(2));
const JUNCTION: JunctionId = JunctionId(Uuid::from_u128(1));

#[expect(clippy::needless_pass_by_value, reason = "callers write the fields in place")]
fn status(more: Value) -> Status {
    let mut status = json!({"device_id": DEVICE, "online": true});
    for (name, value) in more.as_object().expect("an object") {
        status[name] = value.clone();
    }
    serde_json::from_value(status).expect("a status")
}

fn at(seconds: i64) -> UnixMs {
    UnixMs(1_770_000_000_000 + seconds * 1000)
}

/// What the watch says of a status, as words.
fn says(watch: &mut Watch, status: &Status, seconds: i64) -> Vec<String> {
    says_in(watch, status, false, seconds)
}

fn says_in(watch: &mut Watch, status: &Status, in_maintenance: bool, seconds: i64) -> Vec<String> {
    let told = |change: &Change| match change {
        Change::Open(place, finding) => format!("open {}: {}", place.kind.name(), finding.message),
        Change::Update(place, finding) => format!("update {}: {}", place.kind.name(), finding.message),
        Change::Close(place) => format!("close {}", place.kind.name()),
    };
    watch.handle_status(JUNCTION, status, in_maintenance, at(seconds)).iter().map(told).collect()
}

#[test]
fn a_fault_is_told_at_once_and_is_over_when_it_is_cleared() {
    let mut watch = Watch::default();
    let controller =
        |fault: Value| status(json!({"controller": {"state": "flash", "mode": "automatic", "fault": fault}}));
    let fault = controller(json!("conflict of N and E"));
    let open = "open signal_fault: The lamps hold the fault aspect: conflict of N and E";
    assert_eq!(says(&mut watch, &fault, 0), [open]);
    assert_eq!(says(&mut watch, &fault, 30), [""; 0]);
    let other = "update signal_fault: The lamps hold the fault aspect: dark face";
    assert_eq!(says(&mut watch, &controller(json!("dark face")), 60), [other]);
    assert_eq!(says(&mut watch, &controller(Value::Null), 90), ["close signal_fault"]);
    assert_eq!(Kind::SignalFault.severity(), Severity::Critical);
}

#[test]
fn a_reader_may_be_away_for_a_minute() {
    let reader = |name: &str, state: &str, detail: Value| json!({"name": name, "state": state, "reads_per_s": 0, "bad_frames": 0, "dropped_bytes": 0, "detail": detail});
    let mut watch = Watch::default();
    let down = status(
        json!({"readers": [reader("north", "down", json!("no such port")), reader("south", "up", Value::Null)]}),
    );
    let up = status(json!({"readers": [reader("north", "up", Value::Null)]}));
    assert_eq!(says(&mut watch, &down, 0), [""; 0]);
    assert_eq!(says(&mut watch, &up, 30), [""; 0]);
    assert_eq!(says(&mut watch, &down, 60), [""; 0]);
    assert_eq!(says(&mut watch, &down, 119), [""; 0]);
    assert_eq!(says(&mut watch, &down, 120), ["open reader_silent: Reader north is down: no such port"]);
    assert_eq!(says(&mut watch, &up, 150), ["close reader_silent"]);
}

#[test]
fn while_somebody_works_there_silent_readers_are_expected_and_faults_are_not() {
    let reader =
        json!({"name": "north", "state": "down", "reads_per_s": 0, "bad_frames": 0, "dropped_bytes": 0});
    let down = status(json!({"readers": [reader]}));
    let both = status(
        json!({"readers": [reader], "controller": {"state": "flash", "mode": "automatic", "fault": "dark face"}}),
    );
    let mut watch = Watch::default();
    says(&mut watch, &down, 0);
    assert_eq!(says(&mut watch, &down, 60), ["open reader_silent: Reader north is down"]);
    assert_eq!(says_in(&mut watch, &down, true, 90), ["close reader_silent"]);
    assert_eq!(
        says_in(&mut watch, &both, true, 300),
        ["open signal_fault: The lamps hold the fault aspect: dark face"]
    );
    assert_eq!(says(&mut watch, &both, 330), [""; 0]);
    assert_eq!(says(&mut watch, &both, 390), ["open reader_silent: Reader north is down"]);
}

#[test]
fn rows_that_are_lost_are_told_for_a_day_and_those_of_before_are_not() {
    let outbox = |dropped: u64| {
        status(json!({"outbox": {"rows": 0, "oldest_s": 0, "bytes": 0, "dropped": dropped, "parked": 0}}))
    };
    let mut watch = Watch::default();
    assert_eq!(says(&mut watch, &outbox(5), 0), [""; 0]);
    let open = "open rows_lost: The device has dropped 7 rows because its outbox or disk is full";
    assert_eq!(says(&mut watch, &outbox(7), 30), [open]);
    assert_eq!(says(&mut watch, &outbox(7), 86_400), [""; 0]);
    assert_eq!(says(&mut watch, &outbox(7), 86_430), ["close rows_lost"]);
    assert_eq!(says(&mut watch, &outbox(0), 86_460), [""; 0], "a new outbox has lost nothing");
}

#[test]
fn rows_that_are_lost_are_told_for_a_day_whatever_becomes_of_the_server() {
    let outbox = |dropped: u64| {
        status(json!({"outbox": {"rows": 0, "oldest_s": 0, "bytes": 0, "dropped": dropped, "parked": 0}}))
    };
    let mut before = Watch::default();
    says(&mut before, &outbox(5), 0);
    let opened = before.handle_status(JUNCTION, &outbox(7), false, at(30));
    let [Change::Open(place, finding)] = &opened[..] else { panic!("{opened:?}") };
    let recorded = (*place, finding.clone());

    let mut after = Watch::new([recorded.clone()]);
    assert_eq!(says(&mut after, &outbox(7), 60), [""; 0]);
    assert_eq!(says(&mut after, &outbox(7), 86_429), [""; 0]);
    assert_eq!(says(&mut after, &outbox(7), 86_430), ["close rows_lost"]);
    // Lost while no server was there.
    let mut after = Watch::new([recorded]);
    let update = "update rows_lost: The device has dropped 9 rows because its outbox or disk is full";
    assert_eq!(says(&mut after, &outbox(9), 3600), [update]);
    assert_eq!(says(&mut after, &outbox(9), 86_430), [""; 0]);
    // The database has not taken it: what is open is read anew.
    before.reopen([]);
    let open = "open rows_lost: The device has dropped 7 rows because its outbox or disk is full";
    assert_eq!(says(&mut before, &outbox(7), 60), [open]);
}

#[test]
fn a_disk_that_is_full_or_takes_nothing_is_told_before_rows_are_lost() {
    let disk = |free_bytes: u64, failure: Option<&str>| {
        status(json!({"outbox": {"rows": 0, "oldest_s": 0, "bytes": 0, "dropped": 0, "parked": 0,
                                 "free_bytes": free_bytes, "failure": failure}}))
    };
    let mut watch = Watch::default();
    assert_eq!(says(&mut watch, &disk(32_000_000, None), 0), [""; 0]);
    assert_eq!(says(&mut watch, &disk(31_000_000, None), 30), [""; 0]);
    let open =
        "open disk: The device's disk has less than 32 MB free: make room before counts are lost".to_owned();
    assert_eq!(says(&mut watch, &disk(30_000_000, None), 90), [open]);
    let update =
        "update disk: The device's disk takes nothing, and its rows wait in memory: no space".to_owned();
    assert_eq!(says(&mut watch, &disk(0, Some("no space")), 120), [update]);
    assert_eq!(says(&mut watch, &disk(64_000_000, None), 150), ["close disk"]);
}

#[test]
fn the_other_signs_have_a_sentence_each() {
    let bad = status(json!({
        "clock": "unsynced",
        "outbox": {"rows": 90, "oldest_s": 900, "bytes": 0, "dropped": 0, "parked": 2},
        "link": {"failures": 1, "taken_over_s": 5},
        "plan": {"plan_id": "p", "state": "refused", "reasons": ["stage N: green_s is too long"]},
        "controller": {"state": "green", "mode": "automatic", "fault": null,
                       "cabinet": {"panel": false, "flash": false, "door_open": true}},
        "alarms": [
            {"kind": "tag_in_two_places", "since": "2026-02-10T00:00:00Z", "class": "transit", "lane": "N", "epc": "p:1"},
            {"kind": "a_new_one", "since": "2026-02-10T00:00:00Z", "class": "transit", "lane": "N", "epc": "p:1"},
        ],
    }));
    let mut watch = Watch::default();
    let mut all = says(&mut watch, &bad, 0);
    all.extend(says(&mut watch, &bad, 60));
    all.extend(says(&mut watch, &bad, 600));
    all.extend(says(&mut watch, &bad, 900));
    let expected = [
        "open rows_rejected: The server has rejected 2 rows of this device; the dead letters say why",
        "open second_client: Another client uses this device's id at the broker: find the second card or copy, or replace the credential",
        "open tag_in_two_places: The tag of a bus on lane N was read in two places: one tag is a copy",
        "open plan_refused: The junction refuses its plan: stage N: green_s is too long",
        "open door_open: The cabinet's door is open",
        "open clock_unsynced: The clock is not synchronised; counts are corrected when it is, offsets and tables by time of day rest",
        "open outbox_growing: Rows wait for more than a quarter of an hour although the device is online",
    ];
    assert_eq!(all, expected);
    let mut closed = says(&mut watch, &status(json!({"clock": "synced"})), 630);
    closed.sort();
    assert_eq!(closed.len(), 7, "{closed:?}");
}

#[test]
fn rows_of_an_outage_of_the_server_that_come_when_it_is_back_are_no_alarm() {
    let outbox = |rows: u64, oldest_s: u64| {
        status(json!({"outbox": {"rows": rows, "oldest_s": oldest_s, "bytes": 0, "dropped": 0, "parked": 0}}))
    };
    let mut watch = Watch::default();
    for minute in 0..14 {
        assert_eq!(says(&mut watch, &outbox(9000, 7200), 60 * minute), [""; 0], "{minute}");
    }
    assert_eq!(says(&mut watch, &outbox(0, 0), 860), [""; 0]);
    assert_eq!(says(&mut watch, &outbox(9000, 7200), 920), [""; 0], "another outage");
}

#[test]
fn a_last_will_changes_nothing_and_who_is_gone_has_no_alarms() {
    let fault = status(json!({"controller": {"state": "flash", "mode": "automatic", "fault": "x"}}));
    let mut watch = Watch::default();
    assert_eq!(says(&mut watch, &fault, 0).len(), 1);
    assert_eq!(says(&mut watch, &status(json!({"online": false})), 30), [""; 0]);
    let gone = watch.retain(|place| place.device != Some(DEVICE));
    assert!(matches!(gone[..], [Change::Close(Place { kind: Kind::SignalFault, .. })]));
    assert!(watch.retain(|_| false).is_empty());
}

#[test]
fn after_a_restart_open_alarms_are_not_told_again() {
    let place = Place { junction: JUNCTION, device: Some(DEVICE), kind: Kind::SignalFault };
    let finding = Finding::new(Kind::SignalFault, "The lamps hold the fault aspect: x");
    let mut watch = Watch::new([(place, finding)]);
    let fault = status(json!({"controller": {"state": "flash", "mode": "automatic", "fault": "x"}}));
    assert_eq!(says(&mut watch, &fault, 0), [""; 0]);
    assert_eq!(says(&mut watch, &status(json!({})), 30), ["close signal_fault"]);
}

#[test]
fn names_read_back() {
    for kind in Kind::ALL {
        assert_eq!(Kind::named(kind.name()), Some(kind));
        assert_eq!(serde_json::to_value(kind).ok(), Some(json!(kind.name())));
    }
    assert_eq!(Severity::named("error"), Some(Severity::Error));
    assert_eq!(Severity::named("bad"), None);
}
