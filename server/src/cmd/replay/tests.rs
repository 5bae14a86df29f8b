use super::*;
use crate::junction_file::JunctionFile;
use serde_json::{Value, json};

const JUNCTION: &str = "00000000-0000-4000-8000-000000000001";
const DEVICE: &str = "00000000-0000-4000-8000-0000000000d1";
const COUNTER: &str = "00000000-0000-4000-8000-0000000000d2";
const STRANGER: &str = "00000000-0000-4000-8000-0000000000d9";
const N: &str = "00000000-0000-4000-8000-000000000011";
const E: &str = "00000000-0000-4000-8000-000000000012";

/// Two lanes, two devices; a stage of two groups, and neither signal times nor compatible pairs.
fn file() -> JunctionFile {
    serde_json::from_value(json!({
        "junctions": [{
            "junction_id": JUNCTION, "junction_name": "Main", "city": "Pune", "latitude": 18.5, "longitude": 73.9,
            "time_zone": "Asia/Kolkata", "min_cycle_time": 30, "max_cycle_time": 180, "base_cycle_time": 60,
            "lanes": [
                {"lane_id": N, "lane_index": 0, "lane_name": "N", "direction_enum": "N"},
                {"lane_id": E, "lane_index": 1, "lane_name": "E", "direction_enum": "E"},
            ],
            "groups": [
                {"name": "Na", "kind": "vehicle", "lanes": [N]}, {"name": "Nb", "kind": "arrow", "lanes": [N]},
                {"name": "E", "kind": "vehicle", "lanes": [E]},
            ],
            "stages": [
                {"stage": "N", "groups": ["Na", "Nb"], "min_green_s": 5, "max_green_s": 90},
                {"stage": "E", "groups": ["E"], "min_green_s": 5, "max_green_s": 90},
            ],
            "devices": [
                {"device_id": DEVICE, "device_type": "junction"},
                {"device_id": COUNTER, "device_type": "rfid_counter", "lanes": [E]},
            ],
        }],
    }))
    .expect("it is a junction file")
}

fn play_text(text: &str, seed: u64) -> Vec<Value> {
    let epoch = UnixMs::parse("2026-01-01T00:00:00Z").expect("it is a time");
    let mut engine = Engine::new(&file(), epoch, seed).expect("the test's junction keeps every rule");
    let mut output = Vec::new();
    flextraff_common::replay::play(&mut engine, text.as_bytes(), &mut output).expect("memory can be written");
    let output = String::from_utf8(output).expect("lines are text");
    output.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

fn play(lines: &[Value]) -> Vec<Value> {
    play_text(&lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), 1)
}

fn message(t: f64, tail: &str, payload: &Value) -> Value {
    json!({"t": t, "message": {"topic": format!("flextraff/{JUNCTION}/{tail}"), "payload": payload}})
}

fn online(t: f64) -> Value {
    let status = json!({"v": 1, "device_id": DEVICE, "online": true, "device_type": "junction"});
    message(t, &format!("status/{DEVICE}"), &status)
}

fn counts(t: f64, device: &str, lane: &str, seq: u64, vehicles: usize) -> Value {
    let seconds = t.rem_euclid(60.0);
    let timestamp = format!("2026-01-01T00:{:02}:{seconds:06.3}Z", (t / 60.0) as u32);
    json!({
        "v": 1, "junction_id": JUNCTION, "lane_id": lane, "vehicle_count": vehicles, "epc_ids": vec!["E"; vehicles],
        "timestamp": timestamp, "observed_s": 5.0, "device_id": device, "seq": seq, "mono_ms": 1, "clock": "synced",
        "outbox_id": "00000000-0000-4000-8000-0000000000e1", "boot_id": "00000000-0000-4000-8000-0000000000f1",
    })
}

fn counted(t: f64, lane: &str, seq: u64, vehicles: usize) -> Value {
    message(t, &format!("{lane}/car-counts"), &counts(t, DEVICE, lane, seq, vehicles))
}

/// Ten minutes of traffic, five times as much from the north as from the east.
fn traffic() -> Vec<Value> {
    let mut lines = vec![online(-20.0)];
    for interval in 1..=120_u32 {
        let t = f64::from(interval) * 5.0;
        lines.push(counted(t, N, u64::from(interval) * 2, usize::from(interval % 6 != 0)));
        lines.push(counted(t, E, u64::from(interval) * 2 + 1, usize::from(interval % 6 == 0)));
    }
    lines.push(json!({"t": 660}));
    lines
}

fn published<'a>(lines: &'a [Value], tail: &str) -> Vec<(f64, &'a Value)> {
    lines
        .iter()
        .filter(|line| line["publish"]["topic"].as_str().is_some_and(|topic| topic.ends_with(tail)))
        .map(|line| (line["t"].as_f64().expect("it has a time"), &line["publish"]["payload"]))
        .collect()
}

fn greens(plan: &Value) -> Vec<f64> {
    let stages = plan["stages"].as_array().expect("a plan has stages");
    stages.iter().map(|stage| stage["green_s"].as_f64().expect("a stage has a green")).collect()
}

fn errors(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["error"].as_str()).collect()
}

#[test]
fn a_device_that_says_online_gets_its_plan_once() {
    let lines = play(&[json!({"t": -30}), online(-29.5), online(-20.0), json!({"t": 0})]);
    assert_eq!(lines[0]["ready"], true);
    let filters = lines[0]["subscribe"].as_array().expect("it says what it wants to hear");
    assert!(filters.contains(&json!("flextraff/+/status/+")));
    let plans = published(&lines, "/green-time");
    assert_eq!(plans.len(), 1);
    let (t, plan) = plans[0];
    assert!((t - -29.5).abs() < 1e-9);
    assert_eq!((&plan["v"], &plan["timestamp"]), (&json!(1), &json!("2025-12-31T23:59:30.500Z")));
    assert_eq!(greens(plan), [25.0, 25.0], "the base cycle of 60 s less two clearances, shared evenly");
    assert_eq!(
        (&plan["stages"][0]["min_green_s"], &plan["stages"][0]["max_green_s"]),
        (&json!(5.0), &json!(90.0))
    );
    assert_eq!(lines.iter().filter(|line| line["done"] == true).count(), 4);
}

#[test]
fn counts_are_acknowledged_and_change_the_plan_at_the_planners_own_times() {
    let lines = play(&traffic());
    assert_eq!(errors(&lines), [""; 0]);
    let acks = published(&lines, &format!("/ack/{DEVICE}"));
    assert_eq!(acks.len(), 240);
    assert_eq!(acks[0].1["committed"], json!([[2, 2]]));
    let plans = published(&lines, "/green-time");
    assert!(plans.len() > 1);
    let last = greens(plans[plans.len() - 1].1);
    assert!(last[0] > last[1], "{last:?}");
    // The planner's clock starts with the first line, at -20 s, and it looks at the demand every minute.
    assert!(plans[1..].iter().all(|(t, _)| ((t + 20.0) / 60.0).fract() == 0.0), "{plans:?}");
    let times: Vec<f64> = lines[1..].iter().filter_map(|line| line["t"].as_f64()).collect();
    assert!(times.is_sorted());
}

#[test]
fn what_comes_twice_is_acknowledged_twice_and_counts_once() {
    let twice: Vec<Value> = traffic().into_iter().flat_map(|line| [line.clone(), line]).collect();
    let (once, twice) = (play(&traffic()), play(&twice));
    assert_eq!(published(&twice, "/green-time"), published(&once, "/green-time"));
    assert_eq!(published(&twice, DEVICE).len(), 2 * published(&once, DEVICE).len());
    // Without delivery fields a message is known by lane and time.
    let plain: Vec<Value> = traffic()
        .into_iter()
        .map(|mut line| {
            if let Some(payload) = line["message"]["payload"].as_object_mut() {
                payload.retain(|field, _| {
                    !["outbox_id", "seq", "boot_id", "mono_ms", "clock"].contains(&field.as_str())
                });
                if payload.contains_key("lane_id") {
                    payload.remove("device_id");
                }
            }
            line
        })
        .flat_map(|line| [line.clone(), line])
        .collect();
    let plain = play(&plain);
    assert_eq!(published(&plain, DEVICE), []);
    let greens = |lines: &[Value]| {
        published(lines, "/green-time").iter().map(|(_, plan)| greens(plan)).collect::<Vec<_>>()
    };
    assert_eq!(greens(&plain), greens(&once));
}

#[test]
fn what_cannot_be_stored_is_rejected_as_the_database_would() {
    let unknown = "00000000-0000-4000-8000-000000000019";
    let malformed = || {
        let mut payload = counts(5.0, DEVICE, N, 5, 1);
        payload["vehicle_count"] = json!(-1);
        payload
    };
    let newer = || {
        let mut payload = counts(5.0, DEVICE, N, 6, 1);
        payload["v"] = json!(2);
        payload
    };
    for (topic, payload, device, code) in [
        (format!("{unknown}/car-counts"), counts(5.0, DEVICE, unknown, 1, 1), DEVICE, "unknown_lane"),
        (format!("{E}/car-counts"), counts(5.0, DEVICE, N, 2, 1), DEVICE, "ids_disagree"),
        (format!("{N}/car-counts"), counts(5.0, STRANGER, N, 3, 1), STRANGER, "unknown_device"),
        (format!("{N}/car-counts"), counts(5.0, COUNTER, N, 4, 1), COUNTER, "unknown_device"),
        (format!("{N}/car-counts"), malformed(), DEVICE, "malformed"),
        (format!("{N}/car-counts"), newer(), DEVICE, "version"),
    ] {
        let lines = play(&[json!({"t": 0}), message(5.0, &topic, &payload)]);
        let acks = published(&lines, &format!("/ack/{device}"));
        assert_eq!(acks.len(), 1, "{code}");
        let seq = &payload["seq"];
        assert_eq!(
            (&acks[0].1["committed"], &acks[0].1["rejected"]),
            (&json!([]), &json!([[seq, seq, code]]))
        );
        assert_eq!(errors(&lines), [""; 0], "the sender is told");
    }
    let mut payload = counts(5.0, DEVICE, N, 7, 1);
    payload["junction_id"] = json!(unknown);
    let topic = format!("flextraff/{unknown}/{N}/car-counts");
    let lines = play(&[json!({"t": 5, "message": {"topic": topic, "payload": payload}})]);
    assert_eq!(published(&lines, DEVICE)[0].1["rejected"], json!([[7, 7, "unknown_junction"]]));
}

#[test]
fn what_names_no_row_of_an_outbox_is_an_error_line() {
    let status = json!({"device_id": STRANGER, "online": true});
    let lines = play(&[
        message(1.0, &format!("status/{STRANGER}"), &status),
        message(2.0, &format!("{N}/car-counts"), &json!("no JSON")),
        message(3.0, "demand", &json!({})),
        json!({"t": 4, "message": {"topic": "somebody/else", "payload": {}}}),
        message(5.0, "green-time", &json!({"junction_id": JUNCTION})),
    ]);
    let errors = errors(&lines);
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert_eq!(errors[0], format!("line 1: device {STRANGER} is not assigned to junction {JUNCTION}"));
    assert!(errors[1].starts_with("line 2: ") && errors[3].contains("somebody/else"), "{errors:?}");
    assert!(lines.iter().all(|line| line.get("publish").is_none()));
}

#[test]
fn while_the_link_is_down_nothing_is_heard_or_published() {
    let mut lines = traffic();
    lines.insert(61, json!({"t": 150.5, "link": "down"}));
    lines.insert(182, json!({"t": 450.5, "link": "up"}));
    let lines = play(&lines);
    let outage = 150.5..450.5;
    let publishes: Vec<f64> = lines
        .iter()
        .filter(|line| line.get("publish").is_some())
        .filter_map(|line| line["t"].as_f64())
        .collect();
    assert!(publishes.iter().all(|t| !outage.contains(t)), "{publishes:?}");
    assert_eq!(published(&lines, DEVICE).len(), 240 - 120, "what came meanwhile was not heard");

    let quiet = [
        online(0.0),
        json!({"t": 10, "link": "down"}),
        json!({"t": 3000}),
        json!({"t": 3000.5, "link": "up"}),
    ];
    let quiet = play(&quiet);
    let plans = published(&quiet, "/green-time");
    let times: Vec<f64> = plans.iter().map(|(t, _)| *t).collect();
    assert_eq!(times, [0.0, 3000.5], "of the renewals that were due meanwhile the last goes out");
    assert_eq!(plans[1].1["timestamp"], "2026-01-01T00:44:00Z");
}

#[test]
fn a_line_that_cannot_be_used_is_named_and_the_run_goes_on() {
    let long = format!("{{\"t\":2,\"message\":{{\"topic\":\"{}\"}}}}", "x".repeat(2 << 20));
    let text = [
        r#"{"t":1,"tag":{"lane":"N","epc":"00"}}"#,
        "nonsense",
        "",
        r#"{"t":0}"#,
        r#"{"t":1e99}"#,
        r#"{"t":3,"link":"sideways"}"#,
        r#"{"t":3,"link":"up","message":{"topic":"x","payload":1}}"#,
        &long,
        r#"{"t":4}"#,
    ];
    let lines = play_text(&text.join("\n"), 0);
    let errors = errors(&lines);
    assert_eq!(errors.len(), 7, "{errors:?}");
    assert!(errors[0].starts_with("line 1: unknown field `tag`"));
    assert!(errors[2].starts_with("line 4: t is 0, before 1"));
    assert!(errors[6].starts_with("line 8: a line has at most"));
    assert_eq!(lines.iter().filter(|line| line["done"] == true).count(), 8);
    assert_eq!(lines.last().expect("there are lines")["t"], 4.0);
}

#[test]
fn the_same_input_gives_the_same_output_and_another_seed_other_ids() {
    let text: Vec<String> = traffic().iter().map(ToString::to_string).collect();
    let (all, part) = (play_text(&text.join("\n"), 7), play_text(&text[..100].join("\n"), 7));
    assert_eq!(all[..part.len()], part);
    let other = play_text(&text.join("\n"), 8);
    let ids = |lines: &[Value]| {
        published(lines, "/green-time").iter().map(|(_, plan)| plan["plan_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&all).len(), ids(&other).len());
    assert!(ids(&all).iter().all(|id| !ids(&other).contains(id)));
}
