//! Decoding and answering, without a database.

use super::apply::{Fate, Item};
use super::*;
use crate::ingest::decode::Message;
use chrono::{DateTime, Utc};
use flextraff_common::wire::{Ack, RejectCode};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

const JUNCTION: &str = "00000000-0000-0000-0000-00000000000a";
const LANE: &str = "00000000-0000-0000-0000-0000000000b1";
const DEVICE: &str = "00000000-0000-0000-0000-0000000000d1";

fn received() -> DateTime<Utc> {
    "2026-02-10T14:30:01Z".parse().expect("it is a time")
}

fn counts_topic() -> String {
    format!("flextraff/{JUNCTION}/{LANE}/car-counts")
}

fn published() -> Value {
    json!({
        "junction_id": JUNCTION, "lane_id": LANE, "vehicle_count": 2, "epc_ids": ["EPC1", "EPC2"],
        "timestamp": "2026-02-10T14:30:00Z",
    })
}

fn with_delivery(seq: u64) -> Value {
    let mut message = published();
    let delivery = json!({
        "v": 1, "device_id": DEVICE, "outbox_id": "00000000-0000-0000-0000-0000000000e1", "seq": seq,
        "boot_id": "00000000-0000-0000-0000-0000000000f1", "mono_ms": 1000, "clock": "synced",
    });
    for (key, value) in delivery.as_object().expect("it is an object") {
        message[key] = value.clone();
    }
    message
}

fn read(topic: &str, message: &Value) -> Result<Message, Box<Refusal>> {
    decode(topic, message.to_string().as_bytes(), false, received())
}

fn code(topic: &str, message: &Value) -> RejectCode {
    read(topic, message).expect_err("it is refused").code
}

fn changed(key: &str, value: Value) -> Value {
    let mut message = with_delivery(1);
    message[key] = value;
    message
}

fn counts(message: &Value) -> Counts {
    match read(&counts_topic(), message).expect("it is stored") {
        Message::Counts(counts) => *counts,
        other => panic!("{other:?} are no counts"),
    }
}

#[test]
fn a_published_message_is_taken_with_and_without_time() {
    let timed = counts(&published());
    assert!(!timed.untimed && timed.flags.is_empty() && timed.message.delivery.is_none());
    let mut message = published();
    message.as_object_mut().expect("it is an object").remove("timestamp");
    let untimed = counts(&message);
    assert!(untimed.untimed);
    assert_eq!(untimed.ts, received());
    message["timestamp"] = json!("2026-02-10T14:30:00");
    assert_eq!(counts(&message).ts, timed.ts);
}

#[test]
fn a_retained_count_without_time_would_count_again_and_is_refused() {
    let mut message = published();
    message["timestamp"] = Value::Null;
    let bytes = message.to_string();
    let refusal = decode(&counts_topic(), bytes.as_bytes(), true, received()).expect_err("it is refused");
    assert_eq!(refusal.code, RejectCode::Malformed);
    assert!(decode(&counts_topic(), published().to_string().as_bytes(), true, received()).is_ok());
}

#[test]
fn events_at_a_time_that_no_calendar_holds_are_refused_and_not_dropped() {
    let topic = format!("flextraff/{JUNCTION}/events/{DEVICE}");
    let events = |time: &str| changed("events", json!([["2026-02-10T14:30:00Z", 1, 2], [time, 1, 2]]));
    assert!(read(&topic, &events("2026-02-10T14:30:01Z")).is_ok());
    for time in ["0000-01-01T00:00:00Z", "+12345-01-01T00:00:00Z"] {
        assert_eq!(code(&topic, &events(time)), RejectCode::Malformed, "{time}");
    }
}

#[test]
fn doubtful_counts_are_flagged_and_kept() {
    assert_eq!(counts(&changed("vehicle_count", json!(3))).flags, ["count"]);
    assert_eq!(counts(&changed("timestamp", json!("1970-01-01T00:00:09Z"))).flags, ["time"]);
    assert_eq!(counts(&changed("timestamp", json!("2026-03-10T14:30:00Z"))).flags, ["time"]);
    let mut unsynced = changed("timestamp", json!("1970-01-01T00:00:09Z"));
    unsynced["clock"] = json!("unsynced");
    assert!(counts(&unsynced).flags.is_empty());
    assert_eq!(counts(&changed("passages", json!([]))).flags, ["passages"]);
}

fn passage(t_ms: i64, dwell_ms: i64) -> Value {
    json!({ "t_ms": t_ms, "dwell_ms": dwell_ms, "reads": 1, "open": false, "valid": true })
}

fn departure(t_ms: i64, dwell_ms: i64) -> Value {
    json!({ "epc": "E", "t_ms": t_ms, "dwell_ms": dwell_ms, "reads": 1 })
}

#[test]
fn parts_of_a_cycle_that_no_sum_has_room_for_are_refused() {
    let cycle = |change: &dyn Fn(&mut Value)| {
        let mut cycle = json!({
            "v": 1, "plan_id": null, "mode": "automatic", "started_at": "2026-02-01T00:00:00Z",
            "ended_at": "2026-02-01T00:01:00Z", "offset_error_s": 0.5,
            "stages": [{ "stage": "N", "green_s": 20.0, "amber_s": 3.0, "all_red_s": 2.0, "end": "plan" }],
            "lanes": [{ "lane_id": LANE, "vehicle_count": 3, "green_s": 20.0, "queue_start": 1.0, "queue_end": 0.0 }],
        });
        let (Value::Object(fields), Value::Object(delivery)) = (&mut cycle, with_delivery(1)) else {
            unreachable!()
        };
        for key in ["device_id", "outbox_id", "seq", "boot_id", "mono_ms", "clock"] {
            fields.insert(key.to_owned(), delivery[key].clone());
        }
        change(&mut cycle);
        cycle
    };
    let topic = format!("flextraff/{JUNCTION}/cycles/{DEVICE}");
    assert!(read(&topic, &cycle(&|_| ())).is_ok(), "{:?}", read(&topic, &cycle(&|_| ())).err());
    for (part, field, value) in [
        ("stages", "green_s", 1e308),
        ("stages", "amber_s", -1.0),
        ("stages", "all_red_s", 86_401.0),
        ("lanes", "green_s", 1e308),
        ("lanes", "queue_start", 1e39),
        ("lanes", "queue_end", -1.0),
    ] {
        let wrong = cycle(&|cycle| cycle[part][0][field] = json!(value));
        assert_eq!(code(&topic, &wrong), RejectCode::Malformed, "{field} {value}");
    }
    assert_eq!(code(&topic, &cycle(&|cycle| cycle["offset_error_s"] = json!(1e300))), RejectCode::Malformed);
}

#[test]
fn what_cannot_be_stored_is_refused_by_name() {
    for (key, value, expected) in [
        ("vehicle_count", json!(-1), RejectCode::Malformed),
        ("vehicle_count", json!(100_001), RejectCode::Malformed),
        ("vehicle_count", json!(1e300), RejectCode::Malformed),
        ("epc_ids", json!(["E".repeat(65)]), RejectCode::Malformed),
        ("epc_ids", json!(["a\u{0}b"]), RejectCode::Malformed),
        ("epc_ids", json!("EPC1"), RejectCode::Malformed),
        ("observed_s", json!(-0.5), RejectCode::Malformed),
        ("passages", json!([passage(i64::MAX, 0)]), RejectCode::Malformed),
        ("passages", json!([passage(0, i64::MAX)]), RejectCode::Malformed),
        ("passages", json!([passage(0, -1)]), RejectCode::Malformed),
        ("departures", json!([departure(i64::MIN, 0)]), RejectCode::Malformed),
        ("departures", json!([departure(0, i64::MAX)]), RejectCode::Malformed),
        ("timestamp", json!("yesterday"), RejectCode::Malformed),
        ("seq", json!(0), RejectCode::Malformed),
        ("seq", json!(u64::MAX), RejectCode::Malformed),
        ("seq", Value::Null, RejectCode::Malformed),
        ("clock", json!("maybe"), RejectCode::Malformed),
        ("mono_ms", json!(i64::MIN), RejectCode::Malformed),
        ("v", json!(2), RejectCode::Version),
        ("lane_id", json!(JUNCTION), RejectCode::IdsDisagree),
        ("junction_id", json!(LANE), RejectCode::IdsDisagree),
    ] {
        assert_eq!(code(&counts_topic(), &changed(key, value.clone())), expected, "{key} {value}");
    }
    let status = json!({ "device_id": LANE, "online": true });
    assert_eq!(code(&format!("flextraff/{JUNCTION}/status/{DEVICE}"), &status), RejectCode::IdsDisagree);
    for topic in ["flextraff/test", "other", &format!("flextraff/{JUNCTION}/green-time")] {
        assert_eq!(code(topic, &published()), RejectCode::Malformed, "{topic}");
    }
}

#[test]
fn a_refused_row_still_says_which_it_is() {
    let refusal =
        read(&counts_topic(), &changed("vehicle_count", json!(-1))).expect_err("it is out of range");
    assert_eq!(refusal.delivery.expect("its delivery fields are whole").seq.0, 1);
    assert_eq!(refusal.device.expect("it names its device").to_string(), DEVICE);
}

fn item(seq: u64) -> Item {
    Item::new(counts_topic(), with_delivery(seq).to_string().into_bytes(), received())
}

fn refused(item: &Item, code: RejectCode) -> Fate {
    let message = item.message.as_ref().expect("it can be read");
    Fate::Refused(Box::new(message.refuse(code, String::new())))
}

#[test]
fn answers_merge_neighbours_and_keep_refusals_apart() {
    let items: Vec<Item> = [3, 1, 2, 2, 7, 9, 10, 11].into_iter().map(item).collect();
    let mut fates = vec![Fate::Stored; 5];
    fates[3] = Fate::Duplicate;
    fates.push(refused(&items[5], RejectCode::UnknownLane));
    fates.push(refused(&items[6], RejectCode::UnknownLane));
    fates.push(refused(&items[7], RejectCode::Malformed));
    let answers = answers(&items, &fates);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].topic.to_string(), format!("flextraff/{JUNCTION}/ack/{DEVICE}"));
    let ack: Ack = serde_json::from_str(&answers[0].payload).expect("it is an ack");
    assert_eq!(ack.committed, [(1, 3), (7, 7)]);
    assert_eq!(ack.rejected, [(9, 10, RejectCode::UnknownLane), (11, 11, RejectCode::Malformed)]);
}

fn topics() -> impl Strategy<Value = String> {
    let ids = "[a-z/+#]{0,12}".prop_map(|tail| format!("flextraff/{JUNCTION}/{tail}"));
    let real = prop::sample::select(vec!["cycles", "events", "gap", "clock-fix", "status", "reply"])
        .prop_map(|kind| format!("flextraff/{JUNCTION}/{kind}/{DEVICE}"));
    prop_oneof![
        Just(counts_topic()),
        Just(format!("flextraff/{JUNCTION}/signal")),
        real,
        ids,
        any::<String>()
    ]
}

proptest! {
    #[test]
    fn no_bytes_on_any_topic_do_harm(topic in topics(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&topic, &bytes, false, received());
    }

    #[test]
    fn no_value_in_any_field_does_harm(
        key in prop::sample::select(vec!["vehicle_count", "epc_ids", "timestamp", "interval_start", "observed_s", "seq",
            "mono_ms", "passages", "departures", "departed", "v", "clock", "device_id"]),
        value in prop_oneof![any::<f64>().prop_map(|v| json!(v)), any::<i64>().prop_map(|v| json!(v)),
            any::<u64>().prop_map(|v| json!(v)), any::<String>().prop_map(|v| json!(v)),
            prop::collection::vec(any::<String>(), 0..4).prop_map(|v| json!(v))],
    ) {
        if let Ok(Message::Counts(counts)) = read(&counts_topic(), &changed(key, value)) {
            prop_assert!((0..=100_000).contains(&counts.message.vehicle_count));
            prop_assert!(counts.message.epc_ids.iter().all(|epc| epc.chars().count() <= 64 && !epc.contains('\0')));
            prop_assert!(counts.message.delivery.is_none_or(|delivery| delivery.seq.0 > 0));
        }
    }
}

#[test]
fn a_junction_has_one_pipeline_and_pipelines_share_the_junctions() {
    let pipelines: Vec<usize> = (0..100_u128)
        .map(|number| {
            let junction = Uuid::from_u128(number);
            let of = |end: &str| crate::ingest::pipeline_of(&format!("flextraff/{junction}/{end}"));
            assert_eq!(of("signal"), of(&format!("{}/car-counts", Uuid::nil())));
            of("signal")
        })
        .collect();
    for pipeline in 0..crate::ingest::PIPELINES {
        let share = pipelines.iter().filter(|of| **of == pipeline).count();
        assert!((30..=70).contains(&share), "pipeline {pipeline} has {share} of 100 junctions");
    }
    assert_eq!(crate::ingest::pipeline_of(""), crate::ingest::pipeline_of("no topic of ours"));
}
