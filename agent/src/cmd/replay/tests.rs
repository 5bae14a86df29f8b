mod pseudonyms;
mod unused;

use super::*;
use crate::config::sample::two_lanes;
use serde_json::{Value, json};

/// A reader for each zone of N.
const READER: &str = r#"
[[reader]]
name = "north"
protocol = "uhfreader"
port = "virtual"
lanes = { "1" = "N", "2" = "N:advance", default = "N" }
[counting]
accept = "all"
[output]
driver = "virtual"
"#;

fn play(lines: &[Value], ack: bool) -> Vec<Value> {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let text = lines.join("\n");
    play_text(&text, ack)
}

fn play_text(text: &str, ack: bool) -> Vec<Value> {
    play_at(ControlLevel::RollingHorizon, text, ack)
}

fn play_at(level: ControlLevel, text: &str, ack: bool) -> Vec<Value> {
    play_with(&mut Engine::new(two_lanes(READER), &args(level, ack)), text)
}

fn args(level: ControlLevel, ack: bool) -> ReplayArgs {
    ReplayArgs { epoch: UnixMs(1_767_225_600_000), seed: 1, ack, explain: true, level, timing: false }
}

fn play_with(engine: &mut impl Replay, text: &str) -> Vec<Value> {
    let mut output = Vec::new();
    replay::play(engine, text.as_bytes(), &mut output).expect("memory can be written");
    let output = String::from_utf8(output).expect("lines are text");
    output.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

fn published<'a>(lines: &'a [Value], tail: &str) -> Vec<&'a Value> {
    lines
        .iter()
        .filter_map(|line| line.get("publish"))
        .filter(|publish| publish["topic"].as_str().is_some_and(|topic| topic.contains(tail)))
        .map(|publish| &publish["payload"])
        .collect()
}

/// The time of a line, milliseconds.
fn ms(line: &Value) -> i64 {
    (line["t"].as_f64().expect("every line but the first has a time") * 1000.0).round() as i64
}

#[test]
fn start_up_is_over_at_zero_and_stages_follow_each_other() {
    let lines = play(&[json!({"t": -20}), json!({"t": 70})], true);
    assert_eq!(lines[0]["ready"], true);
    assert!(
        lines[0]["subscribe"]
            .as_array()
            .unwrap()
            .iter()
            .any(|filter| filter.as_str().unwrap().ends_with("/green-time"))
    );
    let stages: Vec<(i64, &str)> = lines
        .iter()
        .filter(|line| line["state"] == "green")
        .map(|line| (ms(line), line["stage"].as_str().expect("a stage line names the stage")))
        .collect();
    assert!(stages[0].0 <= 0 && stages[0].1 == "N");
    assert!(
        stages.windows(2).all(|pair| pair[1].0 - pair[0].0 == 30_000),
        "25 s of green and 5 s of clearance"
    );
    assert!(lines.iter().filter(|line| line.get("lamps").is_some()).all(|line| ms(line) % 1000 == 0));
    let times: Vec<i64> = lines[1..].iter().map(ms).collect();
    assert!(times.is_sorted());
    assert_eq!(lines.iter().filter(|line| line.get("done").is_some()).count(), 2);
    assert!(lines.iter().any(|line| line["decision"]["hold_s"] == 25));
}

#[test]
fn bytes_and_tags_become_counts() {
    let lines = play(
        &[
            json!({"t": 0}),
            json!({"t": 1.25, "bytes": {"reader": "north", "hex": "1400EE00010C34161FA8203E7CB20200002050E4A0"}}),
            json!({"t": 2.0, "tag": {"lane": "E", "zone": "stop_line", "epc": "34161FA8203E7CB202000040", "rssi": -55}}),
            json!({"t": 2.5, "tag": {"lane": "E", "zone": "advance", "epc": "34161FA8203E7CB205FFFFE0"}}),
            json!({"t": 30}),
        ],
        true,
    );
    let mut epcs: Vec<&str> = published(&lines, "/car-counts")
        .iter()
        .flat_map(|counts| counts["epc_ids"].as_array().unwrap())
        .map(|epc| epc.as_str().unwrap())
        .collect();
    epcs.sort_unstable();
    assert_eq!(epcs, ["34161FA8203E7CB202000020", "34161FA8203E7CB202000040"]);
    assert!(published(&lines, "/car-counts").iter().all(|counts| counts["clock"] == "synced"));
}

#[test]
fn a_status_says_what_is_known_of_the_lanes() {
    let tag = json!({"lane": "N", "zone": "advance", "epc": "34161FA8203E7CB202000020"});
    let lines = play(&[json!({"t": -20}), json!({"t": 1, "tag": tag}), json!({"t": 31})], true);
    let last = *published(&lines, "/status/").last().expect("there is one every 30 s");
    let north = &last["estimates"]["lanes"]["N"];
    assert_eq!(north["advance_reader"]["state"], "works", "{north}");
    assert_eq!(north["headway_s"], json!({"value": 1.9, "age_s": null, "confidence": 0.0}));
    assert!(north["inventory"]["age_s"].is_u64(), "{north}");
    assert!(last["estimates"]["lanes"]["E"].get("advance_reader").is_none(), "it has none");
}

#[test]
fn a_plan_that_comes_in_runs_when_the_cycle_ends_and_says_so() {
    let plan = json!({"junction_id": "00000000-0000-4000-8000-000000000001", "plan_id": "p1",
        "stages": [{"stage": "N", "green_s": 10}, {"stage": "E", "green_s": 20}]});
    let message =
        json!({"topic": "flextraff/00000000-0000-4000-8000-000000000001/green-time", "payload": plan});
    let lines = play(&[json!({"t": -20}), json!({"t": 5, "message": message}), json!({"t": 100})], true);
    let states: Vec<&str> =
        published(&lines, "/status/").iter().filter_map(|status| status["plan"]["state"].as_str()).collect();
    assert!(states.contains(&"pending") && states.contains(&"running"), "{states:?}");
    assert!(published(&lines, "/signal").iter().any(|signal| signal["plan_id"] == "p1"));
    assert!(!published(&lines, "/cycles/").is_empty());
}

#[test]
fn nothing_is_published_while_the_link_is_down_and_everything_after() {
    let lines = play(
        &[
            json!({"t": 0, "link": "down"}),
            json!({"t": 2.0, "tag": {"lane": "E", "zone": "stop_line", "epc": "34161FA8203E7CB202000040"}}),
            json!({"t": 60}),
            json!({"t": 60, "link": "up"}),
            json!({"t": 61}),
        ],
        true,
    );
    let publishes: Vec<i64> = lines.iter().filter(|line| line.get("publish").is_some()).map(ms).collect();
    assert!(publishes.iter().all(|&t| t == 0 || t >= 60_000), "{publishes:?}");
    let vehicles: i64 =
        published(&lines, "/car-counts").iter().filter_map(|counts| counts["vehicle_count"].as_i64()).sum();
    assert_eq!(vehicles, 1);
}

#[test]
fn a_line_that_cannot_be_used_is_named_and_the_run_goes_on() {
    let lines = play_text(
        "{\"t\":1,\"tag\":{\"lane\":\"X\",\"epc\":\"00\"}}\nnonsense\n{\"t\":0}\n{\"t\":2,\"bytes\":{\"reader\":\"north\",\"hex\":\"0\"}}\n{\"t\":1e99}\n{\"t\":3,\"link\":\"up\",\"reader\":{\"name\":\"north\",\"state\":\"up\"}}\n",
        false,
    );
    let errors: Vec<&str> = lines.iter().filter_map(|line| line["error"].as_str()).collect();
    assert_eq!(errors.len(), 6, "{errors:?}");
    assert_eq!(errors[0], "line 1: no lane \"X\"");
    assert!(errors[2].contains("t is 0, before 1"));
    assert_eq!(lines.iter().filter(|line| line.get("done").is_some()).count(), 6);
}

#[test]
fn the_same_input_gives_the_same_output() {
    let mut input = vec![json!({"t": -20})];
    for second in 0..3600 {
        if second % 4 == 0 {
            let epc = format!("34161FA8203E7CB2{:08X}", (second << 5) & 0x1FFF_FFE0 | 0x0200_0000);
            input.push(json!({"t": second, "tag": {"lane": "N", "zone": "stop_line", "epc": epc}}));
        }
    }
    let (first, second) = (play(&input, true), play(&input[..500], true));
    assert_eq!(first[..second.len() - 1], second[..second.len() - 1]);
}

/// Reads of a second: a stream at N, of which another vehicle stands at the line every 2 s, and one vehicle that waits at E from 1 s on.
fn stream_and_one(second: i32) -> Vec<Value> {
    let tag =
        |lane: &str, epc: String| json!({"t": f64::from(second) + 0.5, "tag": {"lane": lane, "epc": epc}});
    let passing = tag("N", format!("34161FA8203E7CB2{:08X}", 0x0300_0000 + (second / 2) * 32));
    let waiting = tag("E", "34161FA8203E7CB202000020".to_owned());
    if second > 0 { vec![passing, waiting] } else { vec![passing] }
}

/// When E first has green, milliseconds; `first`: lines at the start.
fn green_of_e(first: &[Value]) -> i64 {
    let mut lines = vec![json!({"t": -20})];
    lines.extend_from_slice(first);
    lines.extend((0..70).flat_map(stream_and_one));
    let out = play(&lines, true);
    assert!(out.iter().all(|line| line.get("error").is_none()), "{out:?}");
    let green = out.iter().find(|line| line["stage"] == "E" && line["state"] == "green");
    green.map(ms).expect("E has its green")
}

#[test]
fn a_watched_bus_has_its_green_earlier() {
    let junction = "flextraff/00000000-0000-4000-8000-000000000001";
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let keys = json!({"t": -5, "message": {
        "topic": format!("{junction}/keys/00000000-0000-4000-8000-0000000000d1"),
        "payload": {"v": 1, "watchlist_key": key}}});
    let list = |class: &str, valid_until: &str| {
        let entry =
            json!({"tag": "0b3a72a53fa1f837688cd05e3606c99b", "class": class, "valid_until": valid_until});
        json!({"t": -5, "message": {"topic": format!("{junction}/watchlist"),
            "payload": {"v": 1, "entries": [entry]}}})
    };
    let car = green_of_e(&[]);
    let bus = green_of_e(&[keys.clone(), list("transit", "2026-03-01T00:00:00Z")]);
    let ambulance = green_of_e(&[keys.clone(), list("emergency", "2026-03-01T00:00:00Z")]);
    assert!(bus + 4000 <= car && ambulance <= bus, "bus {bus} ms, ambulance {ambulance} ms, car {car} ms");
    let run_out = green_of_e(&[keys.clone(), list("transit", "2025-12-31T23:59:00Z")]);
    let unknown_class = green_of_e(&[keys, list("snowplough", "2026-03-01T00:00:00Z")]);
    let without_key = green_of_e(&[list("transit", "2026-03-01T00:00:00Z")]);
    assert_eq!([run_out, unknown_class, without_key], [car; 3]);
}

#[test]
fn decisions_and_status_say_which_level_decides() {
    let lines: Vec<Value> =
        std::iter::once(json!({"t": -20})).chain((0..40).flat_map(stream_and_one)).collect();
    let text = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for level in
        [ControlLevel::RollingHorizon, ControlLevel::Greedy, ControlLevel::Actuated, ControlLevel::Splits]
    {
        let out = play_at(level, &text, true);
        let name = if level == ControlLevel::Splits { "fixed" } else { level.name() };
        let decisions: Vec<&Value> = out.iter().filter_map(|line| line.get("decision")).collect();
        let (last, first) = (decisions[decisions.len() - 1], decisions[0]);
        assert_eq!(
            (&first["level"], &last["level"]),
            (&json!("fixed"), &json!(name)),
            "nothing is known at first"
        );
        assert!(
            decisions
                .iter()
                .all(|decision| decision["reason"].as_str().is_some_and(|why| why.ends_with('.')))
        );
        let status = published(&out, "/status/");
        assert_eq!(status[status.len() - 1]["controller"]["level"], name);
    }
}

#[test]
fn the_log_of_the_signal_and_of_the_stop_lines_is_published() {
    let mut lines = vec![json!({"t": -12})];
    lines.extend((0..5).map(
        |n| json!({"t": 10.0 + f64::from(n) / 5.0, "tag": {"lane": "N", "epc": "34161FA8203E7CB202000020"}}),
    ));
    lines.push(json!({"t": 70}));
    let lines = play(&lines, true);
    let rows = published(&lines, "/events/");
    assert!(rows.len() >= 5, "a row for ten seconds, not one for each change: {}", rows.len());
    let events: Vec<&Value> = rows.iter().flat_map(|row| row["events"].as_array().unwrap()).collect();
    let times = |code: u64, parameter: u64| -> Vec<&str> {
        let of = |event: &&&Value| event[1] == code && event[2] == parameter;
        events.iter().filter(of).map(|event| event[0].as_str().unwrap()).collect()
    };
    assert_eq!(times(184, 0), ["2025-12-31T23:59:48Z"], "the uptime is new");
    assert_eq!(times(1, 1)[0], "2026-01-01T00:00:00Z");
    assert_eq!(times(82, 1), ["2026-01-01T00:00:10Z"]);
    assert_eq!(times(81, 1), ["2026-01-01T00:00:10.800Z"]);
}

#[test]
fn cycles_tell_who_waited_and_how_they_stand_to_the_offset() {
    let plan = json!({"junction_id": two_lanes(READER).junction.id, "plan_id": "p", "offset_s": 5,
        "stages": [{"stage": "N", "green_s": 20}, {"stage": "E", "green_s": 20}]});
    let topic = format!("flextraff/{}/green-time", two_lanes(READER).junction.id);
    let mut lines = vec![json!({"t": -12}), json!({"t": -10, "message": {"topic": topic, "payload": plan}})];
    // Somebody stands at N through the red of the first cycle.
    lines.extend(
        (30..60).map(|second| json!({"t": second, "tag": {"lane": "N", "epc": "34161FA8203E7CB202000020"}})),
    );
    lines.push(json!({"t": 250}));
    let lines = play(&lines, true);
    let cycles = published(&lines, "/cycles/");
    assert_eq!(cycles[0]["offset_error_s"], -5.0);
    assert_eq!(cycles[3]["offset_error_s"], 0.0);
    assert_eq!(cycles[0]["lanes"][0]["queue_start"], 0.0);
    assert_eq!(cycles[1]["lanes"][0]["queue_start"], 1.0);
    assert_eq!(cycles[1]["lanes"][0]["queue_end"], 0.0);
    assert!(lines.iter().any(|line| line["publish"]["payload"]["controller"]["offset_error_s"] == 0.0));
}

#[test]
fn timing_changes_nothing_and_tells_the_longest_step() {
    let engine = Engine::new(two_lanes(READER), &args(ControlLevel::RollingHorizon, true));
    let mut timing = Timing::new(engine, Clock::new(ClockTrust::Always));
    assert!(timing.told().ends_with(" 0.000 ms at most"), "{}", timing.told());
    let text = "{\"t\":-20}\n{\"t\":0}\n{\"t\":60}";
    assert_eq!(play_with(&mut timing, text), play_text(text, true));
    assert!(!timing.told().ends_with(" 0.000 ms at most"), "{}", timing.told());
}
