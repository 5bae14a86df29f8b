//! What months of counts and cycles come to.

use crate::state::{Answer, TestState};
use serde_json::{Value, json};
use sqlx::PgPool;

struct Place {
    state: TestState,
    token: String,
    junction: String,
    lanes: Vec<String>,
}

impl Place {
    async fn new(db: PgPool) -> Self {
        let (state, token) = TestState::with_admin(db).await;
        let junction = state.junction(&token, "Main").await;
        let lanes = state.get(&format!("/api/junctions/{junction}/lanes"), &token).await.json();
        let id = |lane: &Value| lane["lane_id"].as_str().expect("ids are text").to_owned();
        let lanes = lanes.as_array().expect("lanes are a list").iter().map(id).collect();
        Self { state, token, junction, lanes }
    }

    /// Stores counts of a lane, a row every five seconds of a time, each watched for five seconds with so many vehicles.
    async fn counted(&self, lane: usize, from: &str, to: &str, vehicles: i32) {
        sqlx::query(
            "INSERT INTO car_counts (junction_id, lane_id, ts, vehicle_count, observed_s)
             SELECT $1::uuid, $2::uuid, at, $5, 5 FROM generate_series($3::timestamptz + interval '5 seconds', $4::timestamptz,
                 interval '5 seconds') at",
        )
        .bind(&self.junction)
        .bind(&self.lanes[lane])
        .bind(from)
        .bind(to)
        .bind(vehicles)
        .execute(&self.state.app.db)
        .await
        .expect("the rows are stored");
        self.state.recount().await;
    }

    /// Stores cycles of a minute from a time on; each with stages N and S, of which N ends by gap-out in every second.
    async fn cycles(&self, from: &str, count: i32, mode: &str) {
        sqlx::query(
            "WITH c AS (
                 INSERT INTO traffic_cycles (junction_id, cycle_start_time, cycle_end_time, total_cycle_time, cycle_mode, stages)
                 SELECT $1::uuid, $2::timestamptz + n * interval '1 minute', $2::timestamptz + (n + 1) * interval '1 minute', 60, $4,
                        jsonb_build_array(
                            jsonb_build_object('stage', 'N', 'green_s', 20 + n % 2 * 10, 'amber_s', 3, 'all_red_s', 2,
                                               'end', CASE WHEN n % 2 = 0 THEN 'gap_out' ELSE 'plan' END),
                            jsonb_build_object('stage', 'S', 'green_s', 30 - n % 2 * 10, 'amber_s', 3, 'all_red_s', 2, 'end', 'max_out'))
                 FROM generate_series(0, $3 - 1) n RETURNING cycle_id, cycle_start_time)
             INSERT INTO lane_cycle_data (cycle_id, junction_id, lane_id, cycle_start_time, vehicle_count, green_time_seconds,
                 queue_start, queue_end, was_congested, congestion_level)
             SELECT cycle_id, $1::uuid, $5::uuid, cycle_start_time, 6, 20, 8, 2, false, 0.25 FROM c",
        )
        .bind(&self.junction)
        .bind(from)
        .bind(count)
        .bind(mode)
        .bind(&self.lanes[0])
        .execute(&self.state.app.db)
        .await
        .expect("the rows are stored");
    }

    async fn get(&self, what: &str) -> Answer {
        self.state.get(&format!("/api/analytics/junction/{}/{what}", self.junction), &self.token).await
    }

    async fn answer(&self, what: &str) -> Value {
        let answer = self.get(what).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text);
        answer.json()
    }
}

#[sqlx::test]
async fn a_day_has_volumes_cycles_and_its_peak_hour(db: PgPool) {
    let place = Place::new(db).await;
    // In India 00:00 to 00:10 and 09:00 to 10:00 of the 10th, and the last five seconds of the 9th.
    place.counted(0, "2026-02-09T18:30:00Z", "2026-02-09T18:40:00Z", 1).await;
    place.counted(0, "2026-02-10T03:30:00Z", "2026-02-10T04:30:00Z", 2).await;
    place.counted(1, "2026-02-09T18:29:55Z", "2026-02-09T18:30:00Z", 7).await;
    place.cycles("2026-02-10T03:30:00Z", 30, "automatic").await;
    place.cycles("2026-02-10T05:00:00Z", 10, "manual_override").await;
    let answer = place.answer("daily?from=2026-02-08&to=2026-02-10").await;
    assert_eq!(answer["time_zone"], "Asia/Kolkata");
    let days = answer["days"].as_array().unwrap();
    let dates: Vec<&Value> = days.iter().map(|day| &day["stat_date"]).collect();
    assert_eq!(dates, ["2026-02-08", "2026-02-09", "2026-02-10"]);
    assert_eq!(
        (&days[0]["total_vehicles"], &days[0]["max_vehicle_count"], &days[0]["total_cycles"]),
        (&Value::Null, &Value::Null, &json!(0))
    );
    assert_eq!(
        (&days[1]["total_vehicles"], &days[1]["lanes"][0]["vehicle_count"]),
        (&json!(7), &Value::Null)
    );
    let day = &days[2];
    assert_eq!(
        (&day["total_vehicles"], &day["peak_hour"], &day["max_vehicle_count"]),
        (&json!(1560), &json!(9), &json!(1440))
    );
    assert_eq!(
        day["lanes"][0],
        json!({"lane_id": place.lanes[0], "vehicle_count": 1560, "observed_s": 4200.0})
    );
    assert_eq!(day["lanes"][1], json!({"lane_id": place.lanes[1], "vehicle_count": null, "observed_s": 0.0}));
    assert_eq!(
        (
            &day["total_cycles"],
            &day["automatic_cycles"],
            &day["manual_override_cycles"],
            &day["avg_cycle_time"]
        ),
        (&json!(40), &json!(30), &json!(10), &json!(60.0))
    );
    // What comes late is in the next answer; of the table, too.
    place.counted(1, "2026-02-10T03:30:00Z", "2026-02-10T03:30:05Z", 4).await;
    assert_eq!(place.answer("daily?from=2026-02-10&to=2026-02-10").await["days"][0]["total_vehicles"], 1564);
    let stored: i64 =
        sqlx::query_scalar("SELECT total_vehicles FROM junction_daily_stats WHERE stat_date = '2026-02-10'")
            .fetch_one(&place.state.app.db)
            .await
            .unwrap();
    assert_eq!(stored, 1564);
}

#[sqlx::test]
async fn another_time_zone_moves_hours_and_days(db: PgPool) {
    let place = Place::new(db).await;
    place.counted(0, "2026-02-09T18:00:00Z", "2026-02-09T19:00:00Z", 1).await;
    let days = place.answer("daily?from=2026-02-09&to=2026-02-10").await;
    assert_eq!(
        (&days["days"][0]["total_vehicles"], &days["days"][1]["total_vehicles"]),
        (&json!(360), &json!(360))
    );
    let path = format!("/api/junctions/{}", place.junction);
    let changed =
        place.state.request("PATCH", &path, &place.token, &json!({"time_zone": "Europe/Berlin"})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let days = place.answer("daily?from=2026-02-09&to=2026-02-10").await;
    assert_eq!(
        (&days["days"][0]["total_vehicles"], &days["days"][0]["peak_hour"]),
        (&json!(720), &json!(19))
    );
    assert_eq!(days["days"][1]["total_vehicles"], Value::Null);
}

#[sqlx::test]
async fn volumes_of_every_width_hold_the_same_vehicles(db: PgPool) {
    let place = Place::new(db).await;
    place.counted(0, "2026-02-10T00:10:00Z", "2026-02-10T02:10:00Z", 1).await;
    place.counted(1, "2026-02-10T01:00:00Z", "2026-02-10T01:05:00Z", 3).await;
    for (bucket, most) in [("5m", 240), ("15m", 360), ("1h", 900), ("1d", 1620)] {
        let answer = place.answer(&format!("volumes?bucket={bucket}&from=2026-02-10&to=2026-02-10")).await;
        let counts: Vec<i64> = answer["buckets"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|bucket| bucket["vehicle_count"].as_i64())
            .collect();
        assert_eq!((counts.iter().sum::<i64>(), counts.iter().max()), (1620, Some(&most)), "{bucket}");
    }
    let all = place.answer("volumes?from=2026-02-10T00:00:00Z&to=2026-02-10T01:00:00Z").await;
    assert_eq!(
        (all["buckets"].as_array().unwrap().len(), &all["buckets"][0]["vehicle_count"]),
        (1, &json!(600))
    );
    let one = place
        .answer(&format!("volumes?bucket=1d&from=2026-02-10&to=2026-02-10&lane_id={}", place.lanes[1]))
        .await;
    assert_eq!(
        (&one["buckets"][0]["vehicle_count"], one["buckets"][0]["lanes"].as_array().unwrap().len()),
        (&json!(180), 1)
    );
    assert_eq!(one["buckets"][0]["start"], "2026-02-10T00:00:00+05:30");
    // The sums of the list of counts are the same.
    let path = format!(
        "/api/junctions/{}/counts?bucket=1d&from=2026-02-09T18:30:00Z&to=2026-02-10T18:30:00Z",
        place.junction
    );
    assert_eq!(place.state.get(&path, &place.token).await.json()[0]["vehicle_count"], 1620);
}

#[sqlx::test]
async fn the_peak_hour_and_its_factor(db: PgPool) {
    let place = Place::new(db).await;
    // Two Tuesdays, 08:15 to 09:15 in India: the first quarter with three times as many.
    for day in ["2026-02-03", "2026-02-10"] {
        place.counted(0, &format!("{day}T02:45:00Z"), &format!("{day}T03:00:00Z"), 3).await;
        place.counted(0, &format!("{day}T03:00:00Z"), &format!("{day}T03:45:00Z"), 1).await;
    }
    place.counted(1, "2026-02-10T02:45:00Z", "2026-02-10T03:45:00Z", 0).await;
    let answer = place.answer("peak-hours?from=2026-02-01&to=2026-02-14").await;
    let hours = answer["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 168);
    let eight = &hours[24 + 8];
    assert_eq!((&eight["weekday"], &eight["hour"]), (&json!("tue"), &json!(8)));
    // Watched for three quarters with 540 + 360 vehicles: 1200 an hour.
    assert_eq!(eight["lanes"][0], json!({"lane_id": place.lanes[0], "vehicle_count": 1200.0, "days": 2}));
    assert_eq!(eight["lanes"][1], json!({"lane_id": place.lanes[1], "vehicle_count": 0.0, "days": 1}));
    assert_eq!((&hours[0]["vehicle_count"], &answer["peak_hour"]), (&Value::Null, &json!(8)));
    let peak = |lane: &Value| {
        json!({"lane_id": lane, "start": "2026-02-03T08:15:00+05:30", "vehicle_count": 1080,
        "peak_quarter_count": 540, "peak_hour_factor": 0.5})
    };
    assert_eq!(answer["peaks"], json!([peak(&Value::Null), peak(&json!(place.lanes[0]))]));
}

/// The hour from two to three comes twice then, and is no busier for it.
#[sqlx::test]
async fn an_hour_is_as_busy_as_ever_on_the_day_on_which_clocks_go_back(db: PgPool) {
    let place = Place::new(db.clone()).await;
    let path = format!("/api/junctions/{}", place.junction);
    let changed =
        place.state.request("PATCH", &path, &place.token, &json!({"time_zone": "Europe/Berlin"})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    // From two in the morning, with summer time, to three, without.
    place.counted(0, "2025-10-26T00:00:00Z", "2025-10-26T02:00:00Z", 1).await;
    // Programs of the published interface do not say how long they have watched.
    sqlx::query("UPDATE car_counts SET observed_s = NULL").execute(&db).await.expect("the rows are there");
    let answer = place.answer("peak-hours?from=2025-10-20&to=2025-10-26").await;
    let two = &answer["hours"][6 * 24 + 2];
    assert_eq!((&two["weekday"], &two["hour"]), (&json!("sun"), &json!(2)));
    assert_eq!(two["lanes"][0], json!({"lane_id": place.lanes[0], "vehicle_count": 720.0, "days": 1}));
}

#[sqlx::test]
async fn splits_ends_and_queues_follow_the_cycles(db: PgPool) {
    let place = Place::new(db).await;
    place.cycles("2026-02-10T06:30:00Z", 60, "automatic").await;
    let hour = "bucket=1h&from=2026-02-10T06:30:00Z&to=2026-02-10T08:30:00Z";
    let answer = place.answer(&format!("splits?{hour}")).await;
    let buckets = answer["buckets"].as_array().unwrap();
    assert_eq!((buckets.len(), &buckets[0]["cycles"], &buckets[1]["cycles"]), (2, &json!(60), &json!(0)));
    assert_eq!(buckets[0]["cycle_s"], json!({"mean": 60.0, "min": 60.0, "max": 60.0}));
    assert_eq!((&buckets[1]["cycle_s"], &buckets[1]["stages"]), (&Value::Null, &json!([])));
    assert_eq!(
        buckets[0]["stages"][0],
        json!({"stage": "N", "served": 60, "green_s": {"mean": 25.0, "min": 20.0, "max": 30.0},
               "split_s": {"mean": 30.0, "min": 25.0, "max": 35.0}, "split": 0.5})
    );
    let ends = place.answer(&format!("stage-ends?{hour}")).await;
    let ends = &ends["buckets"][0]["stages"];
    assert_eq!(
        (&ends[0]["stage"], &ends[0]["gap_out"], &ends[0]["plan"], &ends[0]["fault"]),
        (&json!("N"), &json!(30), &json!(30), &json!(0))
    );
    assert_eq!((&ends[1]["stage"], &ends[1]["max_out"]), (&json!("S"), &json!(60)));
    let queues = place.answer(&format!("queues?{hour}")).await;
    let lanes = &queues["buckets"][0]["lanes"];
    assert_eq!(
        lanes[0],
        json!({"lane_id": place.lanes[0], "cycles": 60, "queue_start": {"mean": 8.0, "min": 8.0, "max": 8.0},
               "queue_end": {"mean": 2.0, "min": 2.0, "max": 2.0}, "congested_cycles": 0, "congestion_level": 0.25,
               // Five wait on average, all of the 60 s, and six vehicles come.
               "wait_s": 50.0})
    );
    assert_eq!(
        (&lanes[1]["cycles"], &lanes[1]["queue_start"], &lanes[1]["congested_cycles"], &lanes[1]["wait_s"]),
        (&json!(0), &Value::Null, &Value::Null, &Value::Null)
    );
    // A queue that is served whole: 2.5 on average in 40 s of red and the 10 s that five need to leave, and a cycle whose queue nobody knows.
    sqlx::query("UPDATE lane_cycle_data SET queue_start = 5, queue_end = 0, vehicle_count = 5")
        .execute(&place.state.app.db)
        .await
        .unwrap();
    sqlx::query(
        "UPDATE lane_cycle_data SET queue_start = NULL, vehicle_count = 1000
         WHERE cycle_start_time = '2026-02-10T06:30:00Z'",
    )
    .execute(&place.state.app.db)
    .await
    .unwrap();
    let served = place.answer(&format!("queues?{hour}")).await;
    assert_eq!(served["buckets"][0]["lanes"][0]["wait_s"], json!(25.0));
    let one = place.answer(&format!("queues?{hour}&lane_id={}", place.lanes[0])).await;
    assert_eq!(one["buckets"][1]["lanes"].as_array().unwrap().len(), 1);
}

#[sqlx::test]
async fn exports_are_csv(db: PgPool) {
    let place = Place::new(db).await;
    place.counted(0, "2026-02-10T00:00:00Z", "2026-02-10T02:00:00Z", 1).await;
    place.cycles("2026-02-10T00:00:00Z", 3, "automatic").await;
    let span = "from=2026-02-10&to=2026-02-10";
    let counts = place.get(&format!("export?what=counts&{span}")).await;
    assert_eq!((counts.status.as_u16(), counts.header("content-type")), (200, "text/csv; charset=utf-8"));
    let lines: Vec<&str> = counts.text.lines().collect();
    assert_eq!(lines.len(), 1 + 1440, "more than one question to the database");
    assert!(lines[0].starts_with("timestamp,interval_start,lane_id,lane_name,vehicle_count"), "{}", lines[0]);
    assert_eq!(lines[1], format!("2026-02-10T02:00:00.000Z,,{},N,1,5,,,,,,", place.lanes[0]));
    let cycles = place.get(&format!("export?what=cycles&{span}")).await;
    let lines: Vec<&str> = cycles.text.lines().collect();
    assert_eq!(lines.len(), 1 + 6);
    assert!(
        lines[1].ends_with(
            ",2026-02-10T00:02:00.000Z,2026-02-10T00:03:00.000Z,60,automatic,,,,,N,20,3,2,gap_out"
        ),
        "{}",
        lines[1]
    );
    let daily = place.get(&format!("export?what=daily&{span}")).await;
    let lines: Vec<&str> = daily.text.lines().collect();
    assert!(lines[0].ends_with("emergency_cycles,N vehicle_count,N observed_s,S vehicle_count,S observed_s,E vehicle_count,E observed_s,W vehicle_count,W observed_s"), "{}", lines[0]);
    assert_eq!(lines[1], "2026-02-10,1440,720,6,3,60,3,0,0,1440,7200,,0,,0,,0");
}

#[sqlx::test]
async fn what_cannot_be_answered_is_told_by_name(db: PgPool) {
    let place = Place::new(db).await;
    let stranger = "00000000-0000-0000-0000-0000000000ff";
    for (what, field) in [
        ("daily?from=2026-02-11&to=2026-02-10", "from"),
        ("daily?from=2024-02-11&to=2026-02-10", "to"),
        ("daily?from=yesterday", "query"),
        ("daily?from=", "query"),
        ("daily?from=-0005-01-01&to=-0005-01-02", "from"),
        ("daily?from=%2B262142-12-31&to=%2B262142-12-31", "from"),
        ("volumes?from=%2B262142-12-31&to=%2B262142-12-31", "query"),
        ("volumes?from=0000-01-01T00:00:00Z", "query"),
        ("peak-hours?from=2025-02-11&to=2026-02-10", "to"),
        ("volumes?bucket=2h", "query"),
        ("volumes?bucket=5m&from=2026-02-01&to=2026-02-10", "to"),
        ("volumes?from=2026-02-10T00:00:00Z&to=2026-02-10T00:00:00Z", "from"),
        ("volumes?from=today", "query"),
        (&format!("volumes?lane_id={stranger}"), "lane_id"),
        (&format!("queues?lane_id={stranger}"), "lane_id"),
        ("splits?bucket=1d&from=2025-02-01&to=2026-02-10", "to"),
        ("stage-ends?bucket=15m&from=2026-01-01&to=2026-02-10", "to"),
        ("export", "query"),
        ("export?what=epcs", "query"),
        ("export?what=counts&from=2026-01-01&to=2026-02-10", "to"),
        ("export?what=daily&from=2026-02-10T00:00:00Z", "query"),
    ] {
        let answer = place.get(what).await;
        assert_eq!(
            (answer.status.as_u16(), answer.fields()),
            (422, vec![field.to_owned()]),
            "{what}: {}",
            answer.text
        );
    }
    let ravi = place.state.plain_user(&place.token, "ravi").await;
    let whats = ["daily", "peak-hours", "volumes", "splits", "stage-ends", "queues", "export?what=counts"];
    for what in whats {
        let path = format!("/api/analytics/junction/{}/{what}", place.junction);
        place.state.get(&path, &ravi).await.assert_problem(403, "No access to this junction");
        assert_eq!(place.state.get(&path, "").await.status, 401, "{what}");
        let nowhere = format!("/api/analytics/junction/{stranger}/{what}");
        place.state.get(&nowhere, &place.token).await.assert_problem(404, "Junction not found");
    }
    place.state.grant("ravi", &place.junction, "observer").await;
    for what in whats {
        let path = format!("/api/analytics/junction/{}/{what}", place.junction);
        assert_eq!(place.state.get(&path, &ravi).await.status, 200, "{what}");
    }
}
