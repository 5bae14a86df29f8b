//! The whole city at a glance.

use crate::state::TestState;
use serde_json::{Value, json};
use sqlx::PgPool;

/// Everything that the glance is made of, at one junction: lamps, a fault, cycles, counts and alarms.
async fn fill(state: &TestState, junction: &str) {
    for statement in [
        "INSERT INTO junction_signal (junction_id, payload, received_at)
         VALUES ($1::uuid, '{\"state\": \"green\", \"stage\": \"N\"}', now() - interval '4 seconds')",
        "INSERT INTO edge_devices (junction_id, device_type, status, last_status)
         VALUES ($1::uuid, 'junction', 'error', '{\"controller\": {\"fault\": \"conflict of N and E\"}}')",
        "WITH c AS (
             INSERT INTO traffic_cycles (junction_id, cycle_start_time, cycle_end_time, total_cycle_time, cycle_mode, stages)
             SELECT $1::uuid, now() - n * interval '2 minutes', now() - n * interval '2 minutes' + interval '1 minute', 60, 'automatic', '[]'
             FROM generate_series(1, 9) n RETURNING cycle_id, cycle_start_time)
         INSERT INTO lane_cycle_data (cycle_id, junction_id, lane_id, cycle_start_time, vehicle_count, queue_start, congestion_level)
         SELECT c.cycle_id, $1::uuid, l.lane_id, c.cycle_start_time, 3,
                CASE WHEN c.cycle_start_time > now() - interval '3 minutes' THEN l.lane_index ELSE 100 END,
                CASE WHEN c.cycle_start_time > now() - interval '3 minutes' THEN 0.1 * l.lane_index ELSE 1 END
         FROM c, lanes l WHERE l.junction_id = $1::uuid",
        "INSERT INTO alarms (junction_id, kind, severity, message, detail, closed_at)
         SELECT $1::uuid, k, s, 'x', '{}', e
         FROM (VALUES ('door_open', 'warning', NULL), ('signal_fault', 'critical', NULL), ('clock_unsynced', 'error', now())) v(k, s, e)",
    ] {
        sqlx::query(statement).bind(junction).execute(&state.app.db).await.expect(statement);
    }
}

#[sqlx::test]
async fn each_junction_shows_lamps_fault_queues_and_alarms(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let (busy, idle) = (state.junction(&admin, "Busy").await, state.junction(&admin, "Idle").await);
    fill(&state, &busy).await;
    let answer = state.get("/api/overview", &admin).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let rows = answer.json();
    let seen = &rows[0];
    assert_eq!(
        (&seen["junction_id"], &seen["junction_name"], &seen["time_zone"]),
        (&json!(busy), &json!("Busy"), &json!("Asia/Kolkata"))
    );
    assert_eq!(seen["signal"], json!({"state": "green", "stage": "N"}));
    assert!((3.9..30.0).contains(&seen["signal_age_s"].as_f64().unwrap()), "{seen}");
    assert_eq!(seen["fault"], "conflict of N and E");
    // Of the last cycle only: lanes 1 to 4 wait with so many vehicles.
    assert_eq!(seen["queue"], 10.0);
    assert!((seen["congestion"].as_f64().unwrap() - 0.4).abs() < 1e-6, "{seen}");
    assert_eq!((&seen["open_alarms"], &seen["severity"]), (&json!(2), &json!("critical")));
    let quiet = &rows[1];
    assert_eq!(quiet["junction_id"], json!(idle));
    for field in ["signal", "signal_age_s", "fault", "queue", "congestion", "severity"] {
        assert_eq!(quiet[field], Value::Null, "{field}");
    }
    assert_eq!((&quiet["open_alarms"], &quiet["vehicles_15_min"]), (&json!(0), &json!(0)));
}

#[sqlx::test]
async fn everybody_sees_the_own_junctions_page_by_page(db: PgPool) {
    let (state, admin) = TestState::with_admin(db).await;
    let token = state.plain_user(&admin, "ravi").await;
    assert_eq!(state.get("/api/overview", &token).await.json(), json!([]));
    for name in ["A", "B", "C"] {
        let id = state.junction(&admin, name).await;
        if name != "B" {
            state.grant("ravi", &id, "observer").await;
        }
    }
    let names = |rows: &Value| -> Vec<String> {
        rows.as_array()
            .expect("a list")
            .iter()
            .map(|row| row["junction_name"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(names(&state.get("/api/overview", &token).await.json()), ["A", "C"]);
    let first = state.get("/api/overview?limit=2", &admin).await;
    assert_eq!(names(&first.json()), ["A", "B"]);
    let next = first.header("link").split(['<', '>']).nth(1).expect("a next page").to_owned();
    let second = state.get(&next, &admin).await;
    assert_eq!((names(&second.json()), second.header("link")), (vec!["C".to_owned()], ""));
    state.get("/api/overview", "").await.assert_problem(401, "Not authenticated");
    assert_eq!(state.get("/api/overview?limit=0", &admin).await.fields(), ["limit"]);
    assert_eq!(state.get("/api/overview?cursor=zz", &admin).await.fields(), ["cursor"]);
}
