//! An override ends in time although the server is dead, on the road by itself and in the records when a server is back.

use crate::process::until;
use crate::world::{JUNCTION, World};
use sqlx::PgPool;
use uuid::Uuid;

/// From one start of the server, which sends it, to the end of the override, seconds.
const LASTS_S: f64 = 30.0;
/// Greens of the override, seconds; the planner shares its shortest cycle evenly.
const GREENS_S: (f64, f64) = (6.0, 2.0);
const TOLERANCE_S: f64 = 0.3;

#[sqlx::test(migrations = false)]
async fn on_the_road_and_in_the_records(db: PgPool) {
    let mut world = World::new(db).await;
    world.start_agent().await;
    world.kill_server();
    let (id,): (Uuid,) = sqlx::query_as(
        "INSERT INTO manual_override_history (junction_id, stages, override_start, expires_at, plan_id, override_id)
         SELECT $1, jsonb_build_array(jsonb_build_object('stage', 'N', 'green_s', $3::float8),
                                      jsonb_build_object('stage', 'S', 'green_s', $4::float8)),
                now(), now() + $2 * interval '1 second', id::text, id
         FROM gen_random_uuid() AS id RETURNING override_id",
    )
    .bind(JUNCTION.0)
    .bind(LASTS_S)
    .bind(GREENS_S.0)
    .bind(GREENS_S.1)
    .fetch_one(&world.db)
    .await
    .unwrap();
    world.start_server().await;
    until("the road takes the override", async || {
        let taken: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM green_times WHERE plan_id = $1::text AND state IN ('pending', 'running')",
        )
        .bind(id.to_string())
        .fetch_one(&world.db)
        .await
        .unwrap();
        (taken > 0).then_some(())
    })
    .await;
    let from = world.site.lamps.seen().len();
    world.kill_server();

    let shown = |green_s: f64, of: &(String, f64)| of.0 == "N" && (of.1 - green_s).abs() < TOLERANCE_S;
    until("the lamps follow the override", async || {
        world.site.lamps.greens(from).iter().any(|green| shown(GREENS_S.0, green)).then_some(())
    })
    .await;
    // Nobody but the agent is there to end it.
    until("the lamps follow the planner's plan again", async || {
        let last_of_n = world.site.lamps.greens(from).into_iter().rev().find(|green| green.0 == "N")?;
        shown(GREENS_S.1, &last_of_n).then_some(())
    })
    .await;
    until("its time is over", async || {
        let over: bool = sqlx::query_scalar(
            "SELECT expires_at <= now() AND override_end IS NULL FROM manual_override_history",
        )
        .fetch_one(&world.db)
        .await
        .unwrap();
        over.then_some(())
    })
    .await;

    world.start_server().await;
    until("the records say when it ended", async || {
        let ended: Option<(bool, String, String)> = sqlx::query_as(
            "SELECT override_end = expires_at, end_reason, current_mode
             FROM manual_override_history JOIN junctions USING (junction_id) WHERE override_end IS NOT NULL",
        )
        .fetch_optional(&world.db)
        .await
        .unwrap();
        let (in_time, why, mode) = ended?;
        assert_eq!((in_time, why.as_str(), mode.as_str()), (true, "expired", "automatic"));
        Some(())
    })
    .await;
}
