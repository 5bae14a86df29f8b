//! The whole agent where vehicles have pseudonyms.

use super::{READER, args, ms, published, stream_and_one};
use crate::cmd::replay::engine::Engine;
use crate::config::sample::two_lanes;
use flextraff_common::wire::ControlLevel;
use serde_json::{Value, json};

const JUNCTION: &str = "flextraff/00000000-0000-4000-8000-000000000001";
const DEVICE: &str = "00000000-0000-4000-8000-0000000000d1";
/// The vehicle on the watch-list.
const WATCHED: &str = "34161FA8203E7CB202000020";

fn play(device_type: &str, lines: &[Value]) -> (Vec<Value>, String) {
    let config = two_lanes(&format!("{device_type}\n{READER}\n[privacy]\nepc = \"pseudonym\"\n"));
    let text = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let args = args(ControlLevel::RollingHorizon, true);
    let mut output = Vec::new();
    flextraff_common::replay::play(&mut Engine::new(config, &args), text.as_bytes(), &mut output)
        .expect("memory can be written");
    let output = String::from_utf8(output).expect("lines are text");
    (output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), output)
}

/// Keys of the junction's watch-list and of the city; the city's second one serves from 30 s on.
fn keys() -> Value {
    let city = |id: &str, byte: &str, from: &str, until: &str| json!({"key_id": id, "key": byte.repeat(32), "valid_from": from, "valid_until": until});
    json!({"t": -5, "message": {"topic": format!("{JUNCTION}/keys/{DEVICE}"), "payload": {
        "v": 1,
        "watchlist_key": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "city": [
            city("a", "0a", "2025-12-31T00:00:00Z", "2026-01-01T00:00:30Z"),
            city("b", "0b", "2026-01-01T00:00:30Z", "2026-01-02T00:00:00Z"),
        ],
    }}})
}

fn watchlist() -> Value {
    let bus = json!({"tag": "0b3a72a53fa1f837688cd05e3606c99b", "class": "transit", "valid_until": "2026-03-01T00:00:00Z"});
    json!({"t": -5, "message": {"topic": format!("{JUNCTION}/watchlist"), "payload": {"v": 1, "entries": [bus]}}})
}

/// When E first has green, milliseconds.
fn green_of_e(lines: &[Value]) -> i64 {
    lines
        .iter()
        .find(|line| line["stage"] == "E" && line["state"] == "green")
        .map(ms)
        .expect("E has its green")
}

#[test]
fn nothing_that_is_told_has_an_epc_and_vehicles_count_once_over_the_change_of_key() {
    let mut lines = vec![json!({"t": -20}), keys()];
    lines.extend((0..70).flat_map(stream_and_one));
    lines.push(json!({"t": 100}));
    let (out, text) = play("", &lines);
    assert!(!text.contains("34161FA8"), "an EPC is told");
    let counted: Vec<&str> = published(&out, "/car-counts")
        .iter()
        .flat_map(|counts| counts["epc_ids"].as_array().expect("a list"))
        .map(|epc| epc.as_str().expect("a text"))
        .collect();
    // One at N every 2 s, and the one that waits at E from 1 s to 70 s.
    assert_eq!(counted.len(), 36, "{counted:?}");
    assert!(
        counted.iter().any(|epc| epc.starts_with("p:a:"))
            && counted.iter().any(|epc| epc.starts_with("p:b:"))
    );
    assert!(published(&out, "/demand").iter().any(|demand| demand.to_string().contains("p:b:")));
}

#[test]
fn a_watched_bus_has_its_green_earlier_under_a_pseudonym_too() {
    let street: Vec<Value> = (0..70).flat_map(stream_and_one).collect();
    let begin = |first: &[Value]| {
        let mut lines = vec![json!({"t": -20})];
        lines.extend_from_slice(first);
        lines.extend_from_slice(&street);
        green_of_e(&play("", &lines).0)
    };
    let (car, bus) = (begin(&[keys()]), begin(&[keys(), watchlist()]));
    assert!(bus + 4000 <= car, "bus {bus} ms, car {car} ms");
}

#[test]
fn a_device_that_only_counts_tells_pseudonyms_and_of_the_watched_bus_its_tag() {
    let mut lines = vec![json!({"t": -20}), keys(), watchlist()];
    lines.extend((0..20).flat_map(stream_and_one));
    let (out, text) = play("type = \"rfid_counter\"", &lines);
    assert!(!text.contains("34161FA8"), "an EPC is told");
    let reads: Vec<Value> = published(&out, "/demand")
        .iter()
        .flat_map(|demand| demand["reads"].as_array().cloned().unwrap_or_default())
        .collect();
    let watched: Vec<&Value> = reads.iter().filter(|read| read.get("watched").is_some()).collect();
    assert!(!watched.is_empty() && watched.len() < reads.len());
    assert!(
        watched
            .iter()
            .all(|read| read["lane"] == "E" && read["watched"] == "0b3a72a53fa1f837688cd05e3606c99b")
    );
}

#[test]
fn a_tag_in_two_places_is_told_by_its_pseudonym_and_logged() {
    let ambulance = json!({"tag": "0b3a72a53fa1f837688cd05e3606c99b", "class": "emergency", "valid_until": "2026-03-01T00:00:00Z"});
    let list = json!({"t": -5, "message": {"topic": format!("{JUNCTION}/watchlist"), "payload": {"v": 1, "entries": [ambulance]}}});
    let tag = |t: f64, zone: &str| json!({"t": t, "tag": {"lane": "N", "zone": zone, "epc": WATCHED}});
    let lines = [
        json!({"t": -20}),
        keys(),
        list,
        tag(10.0, "advance"),
        // 100 m in a second.
        tag(11.0, "stop_line"),
        json!({"t": 30}),
    ];
    let (out, text) = play("", &lines);
    assert!(!text.contains("34161FA8"), "an EPC is told");
    let alarms = published(&out, "/status/").into_iter().rev().find_map(|status| status.get("alarms"));
    let alarm = &alarms.expect("the status says it")[0];
    assert_eq!(
        (&alarm["kind"], &alarm["class"], &alarm["lane"]),
        (&json!("tag_in_two_places"), &json!("emergency"), &json!("N"))
    );
    assert!(alarm["epc"].as_str().is_some_and(|epc| epc.starts_with("p:a:")), "{alarm}");
    let events = published(&out, "/events/")
        .into_iter()
        .flat_map(|row| row["events"].as_array().cloned().unwrap_or_default());
    let told: Vec<(Value, Value)> = events
        .filter(|event| event[1] == 185 || event[1] == 102)
        .map(|event| (event[1].clone(), event[2].clone()))
        .collect();
    assert_eq!(told, [(json!(102), json!(1)), (json!(185), json!(3))], "and it is served all the same");
}
