//! What a batch of messages leaves in the database.

mod at_size;
mod bounds;
mod clocks;
mod junction_files;
mod ready;
mod refused;
mod retention;
mod shared;
mod steps;
mod sums;
#[path = "../support/mod.rs"]
mod support;
mod wrong_clocks;

use chrono::{TimeDelta, TimeZone as _, Utc};
use flextraff_common::wire::RejectCode;
use flextraff_server::clock::Clock;
use flextraff_server::db::roll_ups;
use flextraff_server::ingest::{self, Applied, Channels, Fate, Item, Message, answers, apply};
use flextraff_server::mqtt::{AckToken, Incoming};
use flextraff_server::shares::Shares;
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use support::*;
use tokio::sync::{mpsc, watch};

fn code(fate: &Fate) -> Option<RejectCode> {
    match fate {
        Fate::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

/// A pool whose statements end soon.
async fn hurried(db: &PgPool) -> PgPool {
    let options = db.connect_options().as_ref().clone().options([("statement_timeout", "300ms")]);
    PgPoolOptions::new().max_connections(1).connect_with(options).await.expect("the database is there")
}

/// Returns when somebody waits for a lock for longer than statements of [`hurried`] may take.
async fn waits_longer(db: &PgPool) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
         AND clock_timestamp() - query_start > interval '600 ms'";
    wait_for(db, waiting, 1).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn published_messages_are_stored_once_for_each_lane_and_time(db: PgPool) {
    import(&db).await;
    let (first, second) = ("2026-02-10T14:30:00Z", "2026-02-10T14:30:05");
    let items = [
        item(&counts_topic(LANES[0]), &published(LANES[0], Some(first))),
        item(&counts_topic(LANES[0]), &published(LANES[0], Some(first))),
        item(&counts_topic(LANES[0]), &published(LANES[0], Some(second))),
        item(&counts_topic(LANES[1]), &published(LANES[1], Some(first))),
        item(&counts_topic(LANES[1]), &published(LANES[1], None)),
    ];
    let fates = apply(&db, &items).await.unwrap();
    assert_eq!(fates, [Fate::Stored, Fate::Duplicate, Fate::Stored, Fate::Stored, Fate::Stored]);
    let again = apply(&db, &items).await.unwrap();
    assert!(again.iter().all(|fate| *fate == Fate::Duplicate), "{again:?}");
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 4);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts WHERE untimed AND epc_ids = '{EPC1}'").await, 1);
    assert!(answers(&items, &fates).is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn rows_of_an_outbox_are_stored_once_and_answered_each_time(db: PgPool) {
    import(&db).await;
    let items: Vec<Item> = [1, 2, 3, 2, 7]
        .into_iter()
        .map(|seq| item(&counts_topic(LANES[0]), &counts(DEVICE, LANES[0], seq)))
        .collect();
    let fates = apply(&db, &items).await.unwrap();
    assert_eq!(fates.iter().filter(|fate| **fate == Fate::Stored).count(), 4);
    let again = apply(&db, &items[1..]).await.unwrap();
    assert!(again.iter().all(|fate| *fate == Fate::Duplicate));
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 4);
    let ledger: String =
        sqlx::query_scalar("SELECT seqs::text FROM ingest_ledger").fetch_one(&db).await.unwrap();
    assert_eq!(ledger, "{[1,4),[7,8)}");
    let answer = &answers(&items[1..], &again)[0];
    assert!(answer.payload.contains(r#""committed":[[2,3],[7,7]]"#), "{}", answer.payload);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_device_with_another_card_begins_anew_and_nothing_is_doubled_or_taken_for_known(db: PgPool) {
    import(&db).await;
    let row = |outbox: &str, seq: u64| {
        let mut row = counts(DEVICE, LANES[0], seq);
        row["outbox_id"] = json!(outbox);
        item(&counts_topic(LANES[0]), &row)
    };
    let card = "00000000-0000-0000-0000-0000000000e2";
    let fates = apply(&db, &[row(OUTBOX, 1), row(OUTBOX, 2), row(OUTBOX, 3)]).await.unwrap();
    assert!(fates.iter().all(|fate| *fate == Fate::Stored));
    // The numbers of the new card are those of the old one; what the broker still had of the old one comes again in between.
    let items = [row(card, 1), row(OUTBOX, 3), row(card, 2), row(OUTBOX, 4), row(card, 1)];
    let fates = apply(&db, &items).await.unwrap();
    assert_eq!(fates, [Fate::Stored, Fate::Duplicate, Fate::Stored, Fate::Stored, Fate::Duplicate]);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 6);
    assert_eq!(number(&db, "SELECT count(*) FROM ingest_ledger").await, 2, "each has its own ranges");
}

#[sqlx::test(migrations = "./migrations")]
async fn two_servers_at_once_store_a_row_once(db: PgPool) {
    import(&db).await;
    let items: Vec<Item> =
        (1..=200).map(|seq| item(&counts_topic(LANES[0]), &counts(DEVICE, LANES[0], seq))).collect();
    let (one, other) = tokio::join!(apply(&db, &items), apply(&db, &items));
    let stored = |fates: Vec<Fate>| fates.iter().filter(|fate| **fate == Fate::Stored).count();
    assert_eq!(stored(one.unwrap()) + stored(other.unwrap()), 200);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 200);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_is_not_known_becomes_a_dead_letter_with_its_reason(db: PgPool) {
    import(&db).await;
    let stranger = "00000000-0000-0000-0000-0000000000ff";
    let foreign = format!("flextraff/{stranger}/{}/car-counts", LANES[0]);
    let mut elsewhere = counts(DEVICE, LANES[0], 2);
    elsewhere["junction_id"] = json!(stranger);
    let items = [
        item(&counts_topic(LANES[0]), &counts(DEVICE, LANES[0], 1)),
        item(&foreign, &elsewhere),
        item(&counts_topic(stranger), &counts(DEVICE, stranger, 3)),
        item(&counts_topic(LANES[0]), &counts(stranger, LANES[0], 4)),
        item(&counts_topic(LANES[0]), &counts(COUNTER, LANES[0], 5)),
        item(&counts_topic(LANES[1]), &counts(COUNTER, LANES[1], 6)),
        item(&counts_topic(LANES[1]), &counts(DEVICE, LANES[0], 7)),
        item_of_bytes(&counts_topic(LANES[1]), b"\x00\xff garbage"),
        item_of_bytes("flextraff/\u{0}/x/car-counts", &vec![b'x'; 300_000]),
    ];
    let fates = apply(&db, &items).await.unwrap();
    let codes: Vec<Option<RejectCode>> = fates.iter().map(code).collect();
    assert_eq!(
        codes,
        [
            None,
            Some(RejectCode::UnknownJunction),
            Some(RejectCode::UnknownLane),
            Some(RejectCode::UnknownDevice),
            Some(RejectCode::UnknownDevice),
            None,
            Some(RejectCode::IdsDisagree),
            Some(RejectCode::Malformed),
            Some(RejectCode::Malformed),
        ]
    );
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 2);
    apply(&db, &items).await.unwrap();
    // A refused row that comes again stays one letter; what names no row is kept each time.
    assert_eq!(number(&db, "SELECT count(*) FROM dead_letters WHERE seq IS NOT NULL").await, 5);
    assert_eq!(number(&db, "SELECT count(*) FROM dead_letters WHERE payload_bytes = 300000").await, 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_message_that_the_database_refuses_holds_up_no_other(db: PgPool) {
    import(&db).await;
    let mut items: Vec<Item> =
        (1..=20).map(|seq| item(&counts_topic(LANES[0]), &counts(DEVICE, LANES[0], seq))).collect();
    if let Ok(Message::Counts(counts)) = &mut items[13].message {
        counts.message.vehicle_count = -5;
    }
    let fates = apply(&db, &items).await.unwrap();
    assert_eq!(code(&fates[13]), Some(RejectCode::Malformed));
    assert_eq!(fates.iter().filter(|fate| **fate == Fate::Stored).count(), 19);
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 19);
    assert_eq!(number(&db, "SELECT count(*) FROM dead_letters WHERE seq = 14").await, 1);
}

/// Sums of five minutes: start, vehicles, milliseconds watched, intervals.
async fn volumes(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT to_char(bucket_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI ') || concat_ws(' ', vehicle_count, observed_ms, intervals)
         FROM lane_volumes_5m ORDER BY bucket_start, lane_id",
    )
    .fetch_all(db)
    .await
    .expect("the sums can be read")
}

#[sqlx::test(migrations = "./migrations")]
async fn sums_hold_each_row_once_however_often_and_late_it_comes(db: PgPool) {
    import(&db).await;
    let at = |seq: u64, time: &str| {
        let mut message = counts(DEVICE, LANES[0], seq);
        message["timestamp"] = json!(time);
        message["observed_s"] = json!(4.95);
        item(&counts_topic(LANES[0]), &message)
    };
    let items = [
        at(1, "2026-02-10T14:30:00Z"),
        at(2, "2026-02-10T14:30:05Z"),
        at(3, "2026-02-10T14:35:00Z"),
        at(4, "2026-02-10T14:35:00.001Z"),
    ];
    apply(&db, &items[1..]).await.unwrap();
    roll_ups::refresh(&db, None).await.unwrap();
    apply(&db, &items).await.unwrap();
    assert_eq!(
        volumes(&db).await,
        ["2026-02-10 14:25 1 4950 1", "2026-02-10 14:30 2 9900 2", "2026-02-10 14:35 1 4950 1"]
    );
    assert_eq!(number(&db, "SELECT count(*) FROM roll_ups_due").await, 1);
    roll_ups::refresh(&db, None).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM roll_ups_due").await, 0);
    // 14:30 UTC is 20:00 in India; the interval that ends then belongs to the hour before.
    let hours: Vec<(i16, i64)> =
        sqlx::query_as("SELECT hour, vehicle_count FROM lane_volumes_hour ORDER BY hour_start")
            .fetch_all(&db)
            .await
            .unwrap();
    assert_eq!(hours, [(19, 1), (20, 3)]);
    assert_eq!(number(&db, "SELECT observed_ms FROM lane_volumes_day").await, 4 * 4950);
}

#[sqlx::test(migrations = "./migrations")]
async fn who_sums_up_waits_for_those_who_store(db: PgPool) {
    import(&db).await;
    let storing = async {
        for seq in 1..=30 {
            let items = [item(&counts_topic(LANES[0]), &counts(DEVICE, LANES[0], seq))];
            apply(&db, &items).await.unwrap();
        }
    };
    let summing = async {
        for _ in 0..30 {
            roll_ups::refresh(&db, Some(JUNCTION.parse().unwrap())).await.unwrap();
        }
    };
    tokio::join!(storing, summing);
    roll_ups::refresh(&db, None).await.unwrap();
    for table in ["lane_volumes_5m", "lane_volumes_hour", "lane_volumes_day"] {
        let sum: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT sum(vehicle_count)::bigint FROM {table}"
        )))
        .fetch_one(&db)
        .await
        .unwrap();
        assert_eq!(sum, 30, "{table}");
    }
    assert_eq!(number(&db, "SELECT total_vehicles FROM junction_daily_stats").await, 30);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_cycle_gets_the_epcs_of_the_passages_within_it(db: PgPool) {
    import(&db).await;
    let passage =
        |t_ms: i64| json!({ "t_ms": t_ms, "dwell_ms": 1, "reads": 2, "open": false, "valid": true });
    let mut seen = counts(DEVICE, LANES[0], 1);
    seen["interval_start"] = json!("2026-02-10T14:29:55Z");
    seen["vehicle_count"] = json!(3);
    seen["epc_ids"] = json!(["BEFORE", "IN1", "IN2"]);
    seen["passages"] = json!([passage(500), passage(1500), passage(2500)]);
    // Counts of the end of a cycle come after it.
    let mut late = counts(DEVICE, LANES[0], 5);
    late["interval_start"] = json!("2026-02-10T14:30:55Z");
    late["timestamp"] = json!("2026-02-10T14:31:00Z");
    late["vehicle_count"] = json!(2);
    late["epc_ids"] = json!(["IN3", "AFTER"]);
    late["passages"] = json!([passage(4999), passage(5000)]);
    let cycle = row(
        DEVICE,
        2,
        json!({
            "plan_id": null, "mode": "automatic", "started_at": "2026-02-10T14:29:56Z", "ended_at": "2026-02-10T14:31:00Z",
            "stages": [{ "stage": "N", "green_s": 20, "amber_s": 3, "all_red_s": 2, "end": "gap_out" }],
            "lanes": [{ "lane_id": LANES[0], "vehicle_count": 3, "green_s": 20, "queue_start": 4, "queue_end": 3 },
                      { "lane_id": LANES[1], "vehicle_count": 0, "green_s": 20, "queue_start": null, "queue_end": null }],
        }),
    );
    let events = row(DEVICE, 3, json!({ "events": [["2026-02-10T14:30:00Z", 1, 4_294_967_295_u32]] }));
    let gap = row(
        DEVICE,
        4,
        json!({ "from": null, "to": "2026-02-10T14:30:00Z", "lanes": [LANES[0]], "rows": 12, "reason": "disk full" }),
    );
    let items = [
        item(&counts_topic(LANES[0]), &seen),
        item(&topic("cycles", DEVICE), &cycle),
        item(&topic("events", DEVICE), &events),
        item(&topic("gap", DEVICE), &gap),
    ];
    let fates = apply(&db, &items).await.unwrap();
    assert!(fates.iter().all(|fate| *fate == Fate::Stored), "{fates:?}");
    for late in [None, Some(item(&counts_topic(LANES[0]), &late))] {
        apply(&db, late.as_slice()).await.unwrap();
        roll_ups::refresh(&db, None).await.unwrap();
        roll_ups::fill_epcs(&db, Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()).await.unwrap();
        let lane: (Vec<String>, Option<bool>, Option<f32>) = sqlx::query_as(
            "SELECT epc_ids, was_congested, congestion_level FROM lane_cycle_data ORDER BY vehicle_count DESC LIMIT 1",
        )
        .fetch_one(&db)
        .await
        .unwrap();
        let epcs = if late.is_some() { vec!["IN1", "IN2", "IN3"] } else { vec!["IN1", "IN2"] };
        assert_eq!(lane, (epcs.into_iter().map(ToOwned::to_owned).collect(), Some(true), Some(0.75)));
    }
    assert_eq!(number(&db, "SELECT total_cycle_time::bigint FROM traffic_cycles").await, 64);
    assert_eq!(number(&db, "SELECT parameter FROM signal_events").await, 4_294_967_295);
    assert_eq!(number(&db, "SELECT rows_lost FROM count_gaps WHERE reason = 'disk full'").await, 12);
    let lost = "SELECT count(*) FROM system_logs WHERE log_type = 'counts.lost' AND message LIKE '%lost 12 rows%: disk full'";
    assert_eq!(number(&db, lost).await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_lamps_showed_when_the_broker_kept_it_is_as_old_as_it_is(db: PgPool) {
    import(&db).await;
    let signal = |t: &str, cycle_second: u32| {
        json!({ "v": 1, "t": t, "stage": "N", "state": "green", "groups": { "N": "green" }, "since": t, "plan_id": null,
                "mode": "automatic", "cycle_second": cycle_second })
    };
    let came = |payload: &serde_json::Value, received: &str, retained: bool| {
        let (topic, payload) = (format!("flextraff/{JUNCTION}/signal"), payload.to_string().into_bytes());
        let (size, received, ack) = (payload.len(), received.parse().unwrap(), AckToken::default());
        Item::read(Incoming { topic, payload, size, retained, again: false, received, ack }).0
    };
    let last = async || {
        let row: (String, i32) = sqlx::query_as(
            "SELECT to_char(received_at AT TIME ZONE 'UTC', 'HH24:MI:SS'), (payload->>'cycle_second')::int FROM junction_signal",
        )
        .fetch_one(&db)
        .await
        .unwrap();
        row
    };
    let kept = signal("2026-02-10T10:00:00Z", 1);
    for (items, expected) in [
        (vec![came(&kept, "2026-02-10T12:00:00Z", true)], ("10:00:00", 1)),
        // A clock that is ahead says nothing of the age.
        (vec![came(&signal("2026-02-10T23:00:00Z", 2), "2026-02-10T12:00:01Z", true)], ("12:00:01", 2)),
        (vec![came(&signal("2026-02-10T12:00:02Z", 3), "2026-02-10T12:00:03Z", false)], ("12:00:03", 3)),
        // The broker repeats it when this server subscribes again.
        (vec![came(&signal("2026-02-10T12:00:02Z", 3), "2026-02-10T12:00:09Z", true)], ("12:00:03", 3)),
        (
            vec![
                came(&signal("2026-02-10T12:00:10Z", 4), "2026-02-10T12:00:10Z", false),
                came(&kept, "2026-02-10T12:00:11Z", true),
            ],
            ("12:00:10", 4),
        ),
    ] {
        let fates = apply(&db, &items).await.unwrap();
        let now: Vec<bool> =
            items.iter().map(|item| matches!(&item.message, Ok(Message::Signal(_, _, false)))).collect();
        let told: Vec<bool> =
            items.into_iter().zip(&fates).map(|(item, fate)| ingest::news(item, fate).is_some()).collect();
        assert_eq!(told, now, "who looks on sees what is so now");
        let (at, second) = last().await;
        assert_eq!((at.as_str(), second), expected);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn the_vehicles_of_alarms_are_not_kept_with_the_state_of_their_device(db: PgPool) {
    import(&db).await;
    let alarm = json!({ "kind": "tag_too_often", "since": "2026-02-10T00:00:00Z", "class": "transit", "lane": "N", "epc": "EPC77" });
    let status = json!({ "v": 1, "device_id": DEVICE, "online": true, "alarms": [alarm] });
    apply(&db, &[item(&topic("status", DEVICE), &status)]).await.unwrap();
    let kept = "SELECT count(*) FROM edge_devices WHERE last_status->'alarms'->0->>'kind' = 'tag_too_often'";
    assert_eq!(number(&db, kept).await, 1);
    assert_eq!(
        number(&db, "SELECT count(*) FROM edge_devices WHERE last_status::text LIKE '%EPC77%'").await,
        0
    );
}

/// Several servers hear a device, and one of them stores late what it heard.
#[sqlx::test(migrations = "./migrations")]
async fn what_a_device_said_before_does_not_take_the_place_of_what_it_said_last(db: PgPool) {
    import(&db).await;
    let now = Clock.utc();
    let says = |online: bool, ago_s: i64| {
        let status = json!({ "v": 1, "device_id": DEVICE, "online": online, "software_version": "0.1.0" });
        let (topic, payload) = (topic("status", DEVICE), status.to_string().into_bytes());
        let (size, received, ack) = (payload.len(), now - TimeDelta::seconds(ago_s), AckToken::default());
        Item::read(Incoming { topic, payload, size, retained: false, again: false, received, ack }).0
    };
    let is = async || {
        let row: (String, bool) = sqlx::query_as(
            "SELECT status, (last_status->>'online')::boolean FROM edge_devices
             WHERE device_id = '00000000-0000-0000-0000-0000000000d1'",
        )
        .fetch_one(&db)
        .await
        .unwrap();
        row
    };
    apply(&db, &[says(true, 10)]).await.unwrap();
    apply(&db, &[says(false, 20)]).await.unwrap();
    assert_eq!(is().await, ("online".to_owned(), true));
    let gone = "SELECT count(*) FROM system_logs WHERE log_type = 'device.offline'";
    assert_eq!(number(&db, gone).await, 0);
    apply(&db, &[says(false, 5)]).await.unwrap();
    assert_eq!((is().await, number(&db, gone).await), (("offline".to_owned(), false), 1));
    // A clock that was ahead is set right: nobody waits until it would have come so far.
    apply(&db, &[says(false, -7200)]).await.unwrap();
    apply(&db, &[says(true, 0)]).await.unwrap();
    assert_eq!(is().await, ("online".to_owned(), true));
}

#[sqlx::test(migrations = "./migrations")]
async fn the_state_of_devices_and_junctions_follows_their_messages(db: PgPool) {
    import(&db).await;
    let state = |fault: serde_json::Value| {
        json!({ "v": 1, "device_id": DEVICE, "online": true, "software_version": "0.1.0",
                "controller": { "state": "green", "mode": "automatic", "fault": fault } })
    };
    let status = topic("status", DEVICE);
    let expect = async |items: &[Item], device: &str, junction: &str| {
        apply(&db, items).await.unwrap();
        let found: (String, String, Option<String>) = sqlx::query_as(
            "SELECT d.status, j.status, d.last_status->>'software_version' FROM edge_devices d JOIN junctions j USING (junction_id)
             WHERE d.device_id = '00000000-0000-0000-0000-0000000000d1'",
        )
        .fetch_one(&db)
        .await
        .unwrap();
        assert_eq!(found, (device.to_owned(), junction.to_owned(), Some("0.1.0".to_owned())));
    };
    expect(&[item(&status, &state(json!(null)))], "online", "online").await;
    expect(&[item(&status, &state(json!("conflict of N and S")))], "error", "error").await;
    let will = json!({ "v": 1, "device_id": DEVICE, "online": false });
    expect(&[item(&status, &will)], "offline", "offline").await;
    // Comes and goes within a batch, and starts anew.
    let booted = |boot: &str| {
        let mut status = state(json!(null));
        status["boot_id"] = json!(boot);
        status
    };
    let batch = [item(&status, &booted(BOOT)), item(&status, &will), item(&status, &booted(OUTBOX))];
    expect(&batch, "online", "online").await;
    let told: Vec<String> = sqlx::query_scalar(
        "SELECT log_type FROM system_logs WHERE device_id IS NOT NULL ORDER BY logged_at, log_type",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    assert_eq!(
        told,
        ["device.online", "device.offline", "device.offline", "device.online", "device.restarted"]
    );
    let signal = |stage: &str| {
        json!({ "v": 1, "t": "2026-02-10T14:30:00Z", "stage": stage, "state": "green", "groups": { "N": "green" },
                "since": "2026-02-10T14:30:00Z", "plan_id": null, "mode": "automatic", "cycle_second": 3 })
    };
    let lamps = format!("flextraff/{JUNCTION}/signal");
    apply(&db, &[item(&lamps, &signal("N")), item(&lamps, &signal("S"))]).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM junction_signal WHERE payload->>'stage' = 'S'").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_another_server_has_stored_is_news_here_too_and_once(db: PgPool) {
    import(&db).await;
    let now = Clock.utc();
    let at = |seq: u64, minutes_ago: i64| {
        let mut counts = counts(DEVICE, LANES[0], seq);
        counts["timestamp"] = json!((now - chrono::TimeDelta::minutes(minutes_ago)).to_rfc3339());
        (counts_topic(LANES[0]), counts)
    };
    let mut seed = published(LANES[1], Some(&now.to_rfc3339()));
    seed["vehicle_count"] = json!(9);
    // Two rows of these minutes, one of an hour ago, and one of the published interface.
    let messages = [at(1, 1), at(2, 1), at(3, 60), (counts_topic(LANES[1]), seed)];
    let stored: Vec<Item> = messages.iter().map(|(topic, payload)| item(topic, payload)).collect();
    let fates = apply(&db, &stored).await.unwrap();
    assert_eq!(fates, vec![Fate::Stored; 4]);

    let (incoming, received) = mpsc::channel(16);
    let (outgoing, mut acknowledged) = mpsc::channel(16);
    let (applied, mut news) = mpsc::channel(16);
    let (_stop, stopped) = watch::channel(false);
    let waiting = watch::Sender::new(0);
    let shares = Shares::alone();
    let channels = Channels { incoming: received, outgoing, applied, waiting, shares };
    let server = tokio::spawn(ingest::run(db.clone(), channels, std::sync::Arc::default(), stopped));
    // The last one is new, so that everything before it has been told when it is.
    for (topic, payload) in messages.iter().chain(&messages).chain([&at(4, 0)]) {
        let ack = AckToken::default();
        let payload = payload.to_string().into_bytes();
        let message = Incoming {
            topic: topic.clone(),
            size: payload.len(),
            payload,
            retained: false,
            again: false,
            received: now,
            ack,
        };
        incoming.send(message).await.unwrap();
    }
    drop(incoming);
    server.await.unwrap();
    let mut told = Vec::new();
    while let Some(applied) = news.recv().await {
        let Applied::Counts(_, _, counts) = applied else { panic!("only counts were sent: {applied:?}") };
        told.push(counts.delivery.map_or(0, |delivery| delivery.seq.0));
    }
    assert_eq!(told, [1, 2, 0, 4]);
    assert!(acknowledged.recv().await.is_some(), "the sender has its answer from either server");
    assert_eq!(number(&db, "SELECT count(*) FROM car_counts").await, 5);
}
