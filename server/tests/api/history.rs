//! Lists of what happened at a junction: counts, cycles, overrides, the lamps.

use crate::state::{Answer, TestState};
use serde_json::{Value, json};
use sqlx::PgPool;

async fn junction(db: PgPool) -> (TestState, String, String, Vec<String>) {
    let (state, token) = TestState::with_admin(db).await;
    let junction = state.junction(&token, "Main").await;
    let lanes = state.get(&format!("/api/junctions/{junction}/lanes"), &token).await.json();
    let lanes = lanes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|lane| lane["lane_id"].as_str().map(ToOwned::to_owned))
        .collect();
    (state, token, junction, lanes)
}

fn next(answer: &Answer) -> String {
    answer.header("link").split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

/// Stores counts: lane, end of the interval, vehicles, seconds watched.
async fn counted(state: &TestState, junction: &str, rows: &[(&str, &str, i32, Option<f32>)]) {
    for (lane, at, vehicles, observed_s) in rows {
        sqlx::query(
            "INSERT INTO car_counts (junction_id, lane_id, ts, vehicle_count, observed_s, epc_ids)
             VALUES ($1::uuid, $2::uuid, $3::timestamptz, $4, $5, '{E1}')",
        )
        .bind(junction)
        .bind(lane)
        .bind(at)
        .bind(vehicles)
        .bind(observed_s)
        .execute(&state.app.db)
        .await
        .expect("the row is stored");
    }
    state.recount().await;
}

#[sqlx::test]
async fn counts_come_interval_by_interval_without_epcs(db: PgPool) {
    let (state, token, junction, lanes) = junction(db).await;
    let (n, s) = (lanes[0].as_str(), lanes[1].as_str());
    let rows = [
        (n, "2026-02-10T06:30:05Z", 1, Some(5.0)),
        (n, "2026-02-10T06:30:10Z", 2, Some(4.5)),
        (s, "2026-02-10T06:30:10Z", 0, None),
    ];
    counted(&state, &junction, &rows).await;
    let path = format!("/api/junctions/{junction}/counts");
    let mut seen = Vec::new();
    let mut page = format!("{path}?limit=1");
    while !page.is_empty() {
        let answer = state.get(&page, &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        seen.extend(answer.json().as_array().unwrap().clone());
        page = next(&answer);
    }
    assert_eq!(seen.len(), 3);
    assert!(
        seen[0]["timestamp"] == seen[1]["timestamp"] && seen[2]["timestamp"] == "2026-02-10T06:30:05Z",
        "{seen:?}"
    );
    assert!(seen.iter().all(|row| row.get("epc_ids").is_none() && row.get("seq").is_none()));
    let only = state.get(&format!("{path}?lane_id={n}&from=2026-02-10T06:30:06Z"), &token).await.json();
    assert_eq!(
        (only.as_array().unwrap().len(), &only[0]["vehicle_count"], &only[0]["observed_s"]),
        (1, &json!(2), &json!(4.5))
    );
    for query in ["bucket=2h", "lane_id=N", "from=x"] {
        assert_eq!(state.get(&format!("{path}?{query}"), &token).await.status, 422, "{query}");
    }
}

#[sqlx::test]
async fn buckets_are_of_local_time_and_unwatched_is_not_zero(db: PgPool) {
    let (state, token, junction, lanes) = junction(db).await;
    let (n, s, e) = (lanes[0].as_str(), lanes[1].as_str(), lanes[2].as_str());
    // 23:59:55 to 00:00:05 of the 11th in India.
    let rows = [
        (n, "2026-02-10T18:29:55Z", 3, Some(5.0)),
        (n, "2026-02-10T18:30:00Z", 1, Some(5.0)),
        (n, "2026-02-10T18:30:05Z", 2, Some(4.0)),
        (s, "2026-02-10T18:30:05Z", 4, None),
        (e, "2026-02-10T18:30:05Z", 0, Some(0.0)),
    ];
    counted(&state, &junction, &rows).await;
    let path = format!("/api/junctions/{junction}/counts");
    let span = "from=2026-02-10T10:00:00Z&to=2026-02-10T20:00:00Z";
    let days = state.get(&format!("{path}?bucket=1d&{span}"), &token).await.json();
    let days = days.as_array().unwrap();
    assert_eq!(
        (days.len(), &days[0]["start"], &days[1]["end"]),
        (2, &json!("2026-02-11T00:00:00+05:30"), &json!("2026-02-11T00:00:00+05:30"))
    );
    let lane = |day: &Value, at: usize| {
        (day["lanes"][at]["vehicle_count"].clone(), day["lanes"][at]["observed_s"].clone())
    };
    // The interval that ends at midnight belongs to the day that ends.
    assert_eq!(lane(&days[1], 0), (json!(4), json!(10.0)));
    assert_eq!(lane(&days[0], 0), (json!(2), json!(4.0)));
    assert_eq!(lane(&days[0], 1), (json!(4), Value::Null), "the sender does not say how long it watched");
    assert_eq!(lane(&days[0], 2), (Value::Null, json!(0.0)), "it said that it did not watch");
    assert_eq!(lane(&days[0], 3), (Value::Null, json!(0.0)), "nobody watched");

    let one =
        format!("{path}?bucket=5m&lane_id={n}&from=2026-02-10T18:20:00Z&to=2026-02-10T18:31:00Z&limit=2");
    let first = state.get(&one, &token).await;
    let starts = |answer: &Answer| -> Vec<String> {
        answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["start"].as_str().unwrap()[11..16].to_owned())
            .collect()
    };
    assert_eq!(starts(&first), ["00:00", "23:55"]);
    let second = state.get(&next(&first), &token).await;
    assert_eq!((starts(&second), next(&second)), (vec!["23:50".to_owned()], String::new()));
    let sum = |answer: &Answer| -> i64 {
        answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|row| row["lanes"][0]["vehicle_count"].as_i64())
            .sum()
    };
    assert_eq!(sum(&first) + sum(&second), 6, "no interval falls between two buckets");
    assert_eq!(
        state.get(&format!("{path}?bucket=1h&from=2027-01-01T00:00:00Z"), &token).await.fields(),
        ["from"]
    );
}

#[sqlx::test]
async fn cycles_come_with_stages_as_served_and_lanes(db: PgPool) {
    let (state, token, junction, lanes) = junction(db).await;
    sqlx::query(
        "WITH c AS (
             INSERT INTO traffic_cycles (junction_id, cycle_start_time, cycle_end_time, total_cycle_time, cycle_mode, plan_id, stages)
             SELECT $1::uuid, '2026-02-10T06:30:00Z'::timestamptz + n * interval '1 minute',
                    '2026-02-10T06:31:00Z'::timestamptz + n * interval '1 minute', 60, 'automatic', 'p' || n,
                    '[{\"stage\": \"N\", \"green_s\": 20.0, \"amber_s\": 3.0, \"all_red_s\": 2.0, \"end\": \"gap_out\"}]'
             FROM generate_series(0, 2) n RETURNING cycle_id, cycle_start_time)
         INSERT INTO lane_cycle_data (cycle_id, junction_id, lane_id, cycle_start_time, vehicle_count, green_time_seconds, queue_start)
         SELECT cycle_id, $1::uuid, l::uuid, cycle_start_time, 7, 20, 5 FROM c, unnest($2::text[]) l",
    )
    .bind(&junction)
    .bind(&lanes[..2])
    .execute(&state.app.db)
    .await
    .unwrap();
    let path = format!("/api/junctions/{junction}/cycles");
    let first = state.get(&format!("{path}?limit=2&from=2026-02-10T06:30:00Z"), &token).await;
    let rows = first.json();
    assert_eq!((&rows[0]["plan_id"], &rows[1]["plan_id"]), (&json!("p2"), &json!("p1")), "{}", first.text);
    assert_eq!(
        rows[0]["stages"],
        json!([{ "stage": "N", "green_s": 20.0, "amber_s": 3.0, "all_red_s": 2.0, "end": "gap_out" }])
    );
    let lane = &rows[0]["lanes"][0];
    assert_eq!(
        (&lane["lane_id"], &lane["vehicle_count"], &lane["queue_start"], &lane["queue_end"]),
        (&json!(lanes[0]), &json!(7), &json!(5.0), &Value::Null)
    );
    let rest = state.get(&next(&first), &token).await;
    assert_eq!((&rest.json()[0]["plan_id"], rest.header("link")), (&json!("p0"), ""));
    let before = state.get(&format!("{path}?to=2026-02-10T06:31:00Z"), &token).await.json();
    assert_eq!(before.as_array().unwrap().len(), 1);
}

#[sqlx::test]
async fn overrides_are_listed_with_who_and_why(db: PgPool) {
    let (state, token, junction, _) = junction(db).await;
    sqlx::query(
        "INSERT INTO manual_override_history (junction_id, user_id, total_cycle_time, reason, override_start, expires_at, override_end,
             end_reason, ended_by, username, ended_by_name)
         SELECT $1::uuid, user_id, 100, 'procession ' || n, '2026-02-10T06:30:00Z'::timestamptz + n * interval '1 hour',
                '2026-02-10T07:30:00Z'::timestamptz + n * interval '1 hour', '2026-02-10T06:50:00Z'::timestamptz + n * interval '1 hour',
                'ended', user_id, username, username
         FROM users, generate_series(0, 2) n",
    )
    .bind(&junction)
    .execute(&state.app.db)
    .await
    .unwrap();
    let path = format!("/api/junctions/{junction}/overrides");
    let first = state.get(&format!("{path}?limit=2"), &token).await;
    let rows = first.json();
    let row = &rows[0];
    assert_eq!(
        (&row["reason"], &row["username"], &row["ended_by"]),
        (&json!("procession 2"), &json!("admin"), &json!("admin"))
    );
    assert_eq!(
        (&row["end_reason"], &row["duration_minutes"], &row["road_state"]),
        (&json!("ended"), &json!(20), &Value::Null)
    );
    assert_eq!(state.get(&next(&first), &token).await.json()[0]["reason"], "procession 0");
    // Those that ran within the time, also if they began before.
    let within =
        state.get(&format!("{path}?from=2026-02-10T07:40:00Z&to=2026-02-10T08:00:00Z"), &token).await.json();
    assert_eq!((within.as_array().unwrap().len(), &within[0]["reason"]), (1, &json!("procession 1")));
}

#[sqlx::test]
async fn the_last_signal_comes_with_its_age(db: PgPool) {
    let (state, token, junction, _) = junction(db).await;
    let path = format!("/api/junctions/{junction}/signal");
    let nothing = json!({ "signal": null, "received_at": null, "age_s": null });
    assert_eq!(state.get(&path, &token).await.json(), nothing);
    sqlx::query(
        "INSERT INTO junction_signal VALUES ($1::uuid, '{\"stage\": \"N\"}', now() - interval '90 seconds')",
    )
    .bind(&junction)
    .execute(&state.app.db)
    .await
    .unwrap();
    let said = state.get(&path, &token).await.json();
    assert_eq!(said["signal"], json!({ "stage": "N" }));
    assert!((90.0..100.0).contains(&said["age_s"].as_f64().unwrap()), "{said}");
}
