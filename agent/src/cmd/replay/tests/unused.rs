//! What is told of messages that nothing can be done with.

use super::*;

#[test]
fn a_message_that_nothing_comes_of_is_named_with_its_line() {
    let junction = "flextraff/00000000-0000-4000-8000-000000000001";
    let device = "00000000-0000-4000-8000-0000000000d1";
    let message =
        |topic: String, payload: Value| json!({"t": 1, "message": {"topic": topic, "payload": payload}});
    let command = json!({"v": 1, "id": "c1", "type": "identify", "expires_at": "2026-01-02T00:00:00Z"});
    let elsewhere = junction.replace("0001", "0009");
    let lines = [
        json!({"t": 0}),
        message(format!("{junction}/command/{device}"), command.clone()),
        message(format!("{elsewhere}/green-time"), json!({"junction_id": "nonsense"})),
        message(format!("{junction}/keys/{device}"), json!({"v": 2})),
        message("weather".to_owned(), json!({})),
        // A process may get back its own, and a broker brings what others say.
        message(
            format!("{junction}/demand"),
            json!({"v": 1, "device_id": device, "t": "2026-01-01T00:00:01Z"}),
        ),
        json!({"t": 2, "link": "down"}),
        json!({"t": 2, "message": {"topic": format!("{junction}/command/{device}"), "payload": command}}),
    ];
    let out = play(&lines, true);
    let errors: Vec<&str> = out.iter().filter_map(|line| line["error"].as_str()).collect();
    assert_eq!(errors.len(), 5, "{errors:?}");
    assert!(errors[0].starts_with("line 2: a replay carries out no commands"), "{errors:?}");
    assert_eq!(errors[1], format!("line 3: {elsewhere}/green-time: this agent does not subscribe to it"));
    assert!(errors[2].starts_with("line 4: ") && errors[2].contains("version 2 is newer"), "{errors:?}");
    assert_eq!(errors[3], "line 5: weather: this agent does not subscribe to it");
    assert!(errors[4].starts_with("line 8: ") && errors[4].contains("the link is down"), "{errors:?}");
    let replies = published(&out, "/reply/");
    assert_eq!((replies.len(), &replies[0]["id"], &replies[0]["ok"]), (1, &json!("c1"), &json!(false)));
}

#[test]
fn a_plan_that_cannot_be_read_is_refused_in_the_status() {
    let junction = "00000000-0000-4000-8000-000000000001";
    let topic = format!("flextraff/{junction}/green-time");
    let stages = json!([{"stage": "N", "green_s": 10}, {"stage": "E", "green_s": 20}]);
    let plan = |v: u32, id: &str| json!({"v": v, "junction_id": junction, "plan_id": id, "stages": stages});
    let lines = [
        json!({"t": -20}),
        json!({"t": 5, "message": {"topic": topic, "payload": plan(1, "p1")}}),
        json!({"t": 100, "message": {"topic": topic, "payload": plan(2, "p2")}}),
        json!({"t": 101, "message": {"topic": topic, "payload": "no JSON"}}),
        json!({"t": 102}),
    ];
    let out = play(&lines, true);
    let refused: Vec<(i64, &Value)> = out
        .iter()
        .filter(|line| line["publish"]["payload"]["plan"]["state"] == "refused")
        .map(|line| (ms(line), &line["publish"]["payload"]["plan"]))
        .collect();
    let (at, plan) = refused[0];
    assert!(at <= 101_000 && plan["plan_id"] == "p2", "{refused:?}");
    assert!(plan["reasons"][0].as_str().is_some_and(|why| why.contains("version 2 is newer")), "{plan}");
    let (_, last) = refused[refused.len() - 1];
    assert!(last["plan_id"].is_null(), "{last}");
    let errors: Vec<&str> = out.iter().filter_map(|line| line["error"].as_str()).collect();
    assert!(errors.len() == 2 && errors[0].starts_with("line 3: green-time: version 2"), "{errors:?}");
    let signal = published(&out, "/signal");
    assert_eq!(signal[signal.len() - 1]["plan_id"], "p1", "what runs goes on");
}
