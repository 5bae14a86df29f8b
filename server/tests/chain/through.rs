//! Bytes of a reader become rows, rows become a plan, and the lamps follow the plan.

use crate::process::until;
use crate::road::vehicle;
use crate::world::{DEVICE, FALLBACK_GREEN_S, JUNCTION, LANES, World};
use chrono::{TimeDelta, Utc};
use flextraff_common::wire::topics::Topic;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeMap;

/// How much a green may differ from its plan: a tick of the lamp loop late at its start or its end, seconds.
const TOLERANCE_S: f64 = 0.3;

#[sqlx::test(migrations = false)]
async fn bytes_of_a_reader_end_in_the_lamps(db: PgPool) {
    let mut world = World::new(db).await;
    // Somebody watched both lanes for a minute and saw nobody: long enough for the planner to go by it.
    for lane in LANES {
        for ago_s in [70, 10] {
            let at = Utc::now() - TimeDelta::seconds(ago_s);
            let counts = json!({
                "junction_id": JUNCTION, "lane_id": lane, "vehicle_count": 0, "epc_ids": [], "timestamp": at,
            });
            world.broker.publish(&Topic::CarCounts(JUNCTION, lane).to_string(), &counts.to_string());
        }
    }
    world.start_agent().await;
    // Traffic on lane N only.
    let vehicles: Vec<String> = (1..=8).map(vehicle).collect();
    for epc in &vehicles {
        world.site.reader.pass(1, epc).await;
    }
    world.each_counted_once(&vehicles).await;
    for epc in &vehicles {
        let (lane, device, passage): (uuid::Uuid, uuid::Uuid, Value) = sqlx::query_as(
            "SELECT lane_id, device_id, passages -> (array_position(epc_ids, $1) - 1) FROM car_counts
             WHERE $1 = ANY (epc_ids) AND vehicle_count = cardinality(epc_ids) AND flagged IS NULL",
        )
        .bind(epc)
        .fetch_one(&world.db)
        .await
        .unwrap();
        assert_eq!((lane, device), (LANES[0].0, DEVICE.0));
        assert!(passage["t_ms"].is_u64() && passage["valid"] == true, "{passage}");
    }
    // A plan for this demand comes at the latest when the device comes back.
    assert!(world.site.take_agent().terminate().await.success());
    let from = world.site.lamps.seen().len();
    world.start_agent().await;
    let (plan_id, greens) = until("lamps that follow the plan", async || {
        let (plan_id, greens) = running_plan(&world.db).await?;
        let shown = world.site.lamps.greens(from);
        let last = shown.len().checked_sub(greens.len()).map(|first| &shown[first..])?;
        let follows = last.iter().all(|(group, shown_s)| {
            greens.get(group).is_some_and(|green| (green - shown_s).abs() < TOLERANCE_S)
        });
        (follows && greens["N"] > greens["S"]).then_some((plan_id, greens))
    })
    .await;
    assert!(greens.values().all(|green| (green - FALLBACK_GREEN_S).abs() > TOLERANCE_S), "{greens:?}");
    // The cycles that ran it come back.
    until("a cycle of the plan", async || {
        let cycles: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM traffic_cycles JOIN lane_cycle_data USING (cycle_id) WHERE plan_id = $1 AND lane_id = $2
             AND green_time_seconds = $3::real",
        )
        .bind(&plan_id)
        .bind(LANES[0].0)
        .bind(greens["N"])
        .fetch_one(&world.db)
        .await
        .unwrap();
        (cycles > 0).then_some(())
    })
    .await;
    let controller = world.broker.status().unwrap()["controller"].clone();
    assert_eq!(
        (controller["interlock_trips"].as_u64().unwrap_or(0), &controller["fault"]),
        (0, &Value::Null)
    );
}

/// The plan that the junction says it runs: its name, and green by stage.
async fn running_plan(db: &PgPool) -> Option<(String, BTreeMap<String, f64>)> {
    let plan: Option<(String, Value)> = sqlx::query_as(
        "SELECT plan_id, message FROM green_times WHERE junction_id = $1 AND state = 'running' ORDER BY confirmed_at DESC LIMIT 1",
    )
    .bind(JUNCTION.0)
    .fetch_optional(db)
    .await
    .expect("the database answers");
    let (plan_id, message) = plan?;
    let green = |stage: &Value| Some((stage["stage"].as_str()?.to_owned(), stage["green_s"].as_f64()?));
    let greens = message["stages"].as_array()?.iter().map(green).collect::<Option<_>>()?;
    Some((plan_id, greens))
}
