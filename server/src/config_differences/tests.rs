use super::*;
use crate::agent_toml;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn lane(number: u128, name: &str) -> Value {
    json!({ "lane_id": uuid::Uuid::from_u128(number), "lane_index": number, "lane_name": name, "direction_enum": "N" })
}

fn value() -> Value {
    let group = |name: &str, lane: u128| json!({ "name": name, "kind": "vehicle", "lanes": [uuid::Uuid::from_u128(lane)], "exits": ["out"] });
    let stage = |name: &str, groups: &[&str]| json!({ "stage": name, "groups": groups, "min_green_s": 7, "max_green_s": 60, "skip": false });
    json!({
        "junction_id": uuid::Uuid::from_u128(9), "junction_name": "Main", "city": "Mumbai", "latitude": 19.0, "longitude": 72.8,
        "min_cycle_time": 30, "max_cycle_time": 120, "base_cycle_time": 60,
        "lanes": [lane(1, "N"), lane(2, "S"), lane(3, "E")],
        "groups": [group("N", 1), group("S", 2), group("E", 3)],
        "stages": [stage("main", &["N", "S"]), stage("side", &["E"])],
        "compatible": [{ "a": "N", "b": "S", "yield": true }],
        "intergreens": [{ "from": "N", "to": "E", "seconds": 7 }],
    })
}

fn entry(value: &Value) -> JunctionEntry {
    serde_json::from_value(value.clone()).unwrap()
}

fn toml_of(value: &Value) -> String {
    agent_toml::text(&entry(value), &[], &BTreeMap::new(), None, None).unwrap()
}

#[test]
fn the_file_that_the_server_writes_differs_in_nothing() {
    assert_eq!(differences(&entry(&value()), &toml_of(&value())), Vec::<String>::new());
    let mut plain = value();
    for field in ["groups", "compatible", "intergreens"] {
        plain[field] = json!([]);
    }
    plain["stages"][0]["groups"] = json!(["N", "S"]);
    assert_eq!(differences(&entry(&plain), &toml_of(&plain)), Vec::<String>::new());
}

#[test]
fn each_difference_is_a_sentence() {
    let id = |number: u128| uuid::Uuid::from_u128(number).to_string();
    let cases: Vec<(&str, Value, String)> = vec![
        (
            "/stages/0/max_green_s",
            json!(45),
            "stage main: max_green_s is 60 on the server and 45 on the device".into(),
        ),
        (
            "/stages/0/min_green_s",
            json!(10),
            "stage main: min_green_s is 7 on the server and 10 on the device".into(),
        ),
        (
            "/stages/1/skip",
            json!(true),
            "stage side: skip is false on the server and true on the device".into(),
        ),
        ("/stages/1/stage", json!("cross"), "stage side is on the server only".into()),
        (
            "/lanes/1/lane_name",
            json!("South"),
            format!("lane {}: name is S on the server and South on the device", id(2)),
        ),
        (
            "/lanes/1/direction_enum",
            json!("S"),
            "lane S: direction is N on the server and S on the device".into(),
        ),
        (
            "/groups/0/kind",
            json!("arrow"),
            "group N: kind is vehicle on the server and arrow on the device".into(),
        ),
        ("/groups/0/exits", json!([]), "group N: exits are out on the server and none on the device".into()),
        (
            "/groups/1/lanes",
            json!([id(2), id(1)]),
            "group S: lanes are S on the server and S, N on the device".into(),
        ),
        ("/compatible/0/yield", json!(false), "group N gives way to S on the server only".into()),
        (
            "/intergreens/0/seconds",
            json!(8),
            "the intergreen from N to E is 7 s on the server and 8 s on the device".into(),
        ),
        (
            "/junction_id",
            json!(id(8)),
            format!("the junction: id is {} on the server and {} on the device", id(9), id(8)),
        ),
        (
            "/time_zone",
            json!("Asia/Colombo"),
            "the junction: time_zone is Asia/Kolkata on the server and Asia/Colombo on the device".into(),
        ),
        (
            "/lanes/0/lane_index",
            json!(5),
            "the order of lanes is N, S, E on the server and S, E, N on the device".into(),
        ),
    ];
    for (path, with, sentence) in cases {
        let mut device = value();
        device["time_zone"] = json!("Asia/Kolkata");
        *device.pointer_mut(path).unwrap() = with;
        let found = differences(&entry(&value()), &toml_of(&device));
        assert!(found.contains(&sentence), "{path}: {found:?}");
    }
}

#[test]
fn times_and_orders_are_compared_once() {
    let mut device = value();
    device["signal"] = json!({ "amber_s": 4, "stage_order": "free", "longest_red_s": 120 });
    device["stages"] = json!([device["stages"][1], device["stages"][0]]);
    assert_eq!(
        differences(&entry(&value()), &toml_of(&device)),
        [
            "amber_s is 3 s on the server and 4 s on the device",
            "stage_order is fixed on the server and free on the device",
            "longest_red_s is 180 on the server and 120 on the device",
            "the order of stages is main, side on the server and side, main on the device",
        ]
    );
}

#[test]
fn what_crossings_need_is_compared() {
    let mut server = value();
    let head = json!({ "name": "P", "kind": "pedestrian", "walk_s": 8, "clearance_s": 12.5, "button": true });
    server["groups"].as_array_mut().unwrap().push(head);
    server["stages"][1]["groups"] = json!(["E", "P"]);
    server["compatible"].as_array_mut().unwrap().push(json!({ "a": "E", "b": "P" }));
    let toml = toml_of(&server);
    let line = "# Push buttons of pedestrian heads have their pin (button = 5) in these groups: P.\n";
    assert!(toml.contains(line) && !toml.contains("is told for none"), "{toml}");
    let there = toml.replace("clearance_s = 12.5", "clearance_s = 12.5\nbutton = 5");
    assert_eq!(differences(&entry(&server), &there), Vec::<String>::new());
    let untold = toml.replace("walk_s = 8.0\nclearance_s = 12.5\n", "");
    assert_ne!(untold, toml);
    assert_eq!(
        differences(&entry(&server), &untold)[..3],
        [
            "group P: walk_s is 8 s on the server and 7 s on the device",
            "group P: clearance_s is 12.5 s on the server and 0 s on the device",
            "group P: the push button is there on the server and missing on the device",
        ]
    );
    server["groups"][3].as_object_mut().unwrap().remove("clearance_s");
    let toml = toml_of(&server);
    assert!(
        toml.contains("is told for none of these pedestrian heads, here nor on the server: P.\n"),
        "{toml}"
    );
}

#[test]
fn pairs_that_only_one_side_lets_go_together_are_named() {
    let mut device = value();
    device["stages"] = json!([
        { "stage": "main", "groups": ["N"], "min_green_s": 7, "max_green_s": 60 },
        { "stage": "side", "groups": ["S", "E"], "min_green_s": 7, "max_green_s": 60 },
    ]);
    device["compatible"] = json!([{ "a": "S", "b": "E" }]);
    let found = differences(&entry(&value()), &toml_of(&device));
    for sentence in [
        "groups N and S may have green together on the server, but not on the device",
        "groups S and E may have green together on the device, but not on the server",
        "stage main: groups are N, S on the server and N on the device",
    ] {
        assert!(found.iter().any(|told| told == sentence), "{found:?}");
    }
}

#[test]
fn what_is_no_configuration_is_said() {
    for (text, part) in [
        ("", "cannot be read: missing field"),
        ("[junction", "cannot be read"),
        (
            &toml_of(&value()).replace("max_green_s = 60.0", "max_green_s = 1.0"),
            "the configuration of the device: stage",
        ),
    ] {
        let found = differences(&entry(&value()), text);
        assert!(found.iter().any(|told| told.contains(part)), "{found:?}");
    }
}
