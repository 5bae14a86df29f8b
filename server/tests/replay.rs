//! The command itself: what the program prints for lines on its standard input.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const JUNCTION: &str = "00000000-0000-4000-8000-000000000001";
const DEVICE: &str = "00000000-0000-4000-8000-0000000000d1";

fn lane(at: usize) -> String {
    format!("00000000-0000-4000-8000-00000000001{at}")
}

fn write_junctions(folder: &Path, min_green_s: u32) -> String {
    let names = ["N", "S", "E", "W"];
    let lanes: Vec<Value> = (0..4)
        .map(|at| json!({"lane_id": lane(at), "lane_index": at, "lane_name": names[at], "direction_enum": names[at]}))
        .collect();
    let stages: Vec<Value> = names
        .iter()
        .map(|name| json!({"stage": name, "groups": [name], "min_green_s": min_green_s, "max_green_s": 90}))
        .collect();
    let file = json!({"junctions": [{
        "junction_id": JUNCTION, "junction_name": "Main", "city": "Pune", "latitude": 18.5, "longitude": 73.9,
        "min_cycle_time": 30, "max_cycle_time": 180, "base_cycle_time": 60, "lanes": lanes, "stages": stages,
        "devices": [{"device_id": DEVICE, "device_type": "junction"}],
    }]});
    let path = folder.join("junctions.json");
    fs::write(&path, file.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flextraff-server"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A program that ends early closes the pipe; its exit status tells.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).is_ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// An hour of a junction whose demand turns from north and south to east and west.
fn hour() -> String {
    let status = json!({"v": 1, "device_id": DEVICE, "online": true, "device_type": "junction"});
    let topic = format!("flextraff/{JUNCTION}/status/{DEVICE}");
    let mut lines = vec![json!({"t": -30, "message": {"topic": topic, "payload": status}})];
    let mut seq = 0;
    for interval in 1..=720_usize {
        for at in 0..4 {
            seq += 1;
            let busy = (at < 2) == (interval < 360);
            let vehicles = usize::from(if busy { interval % 3 != 0 } else { interval % 9 == at });
            let (minute, second) = (interval / 12, interval % 12 * 5);
            let timestamp = format!("2026-01-01T{:02}:{:02}:{second:02}Z", minute / 60, minute % 60);
            let payload = json!({
                "v": 1, "junction_id": JUNCTION, "lane_id": lane(at), "vehicle_count": vehicles,
                "epc_ids": vec!["E"; vehicles], "timestamp": timestamp, "observed_s": 5.0, "device_id": DEVICE,
                "outbox_id": JUNCTION, "boot_id": JUNCTION, "seq": seq, "mono_ms": 1, "clock": "synced",
            });
            let topic = format!("flextraff/{JUNCTION}/{}/car-counts", lane(at));
            lines.push(json!({"t": interval * 5, "message": {"topic": topic, "payload": payload}}));
        }
    }
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_hour_replays_the_same_every_time() {
    let folder = TempDir::new().unwrap();
    let junctions = write_junctions(folder.path(), 7);
    let arguments = ["replay", "--junctions", &junctions, "--seed", "3"];
    let (first, second) = (run(&arguments, &hour()), run(&arguments, &hour()));
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert_eq!(first.stdout, second.stdout);
    let lines: Vec<Value> = String::from_utf8(first.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["ready"], true);
    assert_eq!(lines.iter().filter(|line| line["done"] == true).count(), 1 + 4 * 720);
    assert!(lines.iter().all(|line| line.get("error").is_none()));
    let plans: Vec<&Value> = lines
        .iter()
        .map(|line| &line["publish"]["payload"])
        .filter(|payload| payload["stages"].is_array())
        .collect();
    let green = |plan: &Value, at: usize| plan["stages"][at]["green_s"].as_f64().unwrap();
    assert!(plans.iter().any(|plan| green(plan, 0) > green(plan, 2)), "north first");
    let last = plans[plans.len() - 1];
    assert!(green(last, 2) > green(last, 0), "east at the end");
    assert!(plans.len() <= 61, "not more often than demand is looked at");
}

#[test]
fn a_file_that_breaks_rules_is_refused_with_all_of_them() {
    let folder = TempDir::new().unwrap();
    let junctions = write_junctions(folder.path(), 95);
    let output = run(&["replay", "--junctions", &junctions], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.matches("min_green_s 95 is above max_green_s 90").count(), 4, "{errors}");
    assert_eq!(run(&["replay", "--junctions", "-"], "").status.code(), Some(2));
    assert_eq!(run(&["replay", "--junctions", "/nowhere.json"], "").status.code(), Some(2));
}
