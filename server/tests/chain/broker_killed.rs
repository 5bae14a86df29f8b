//! The broker is killed, and forgets everything.

use crate::road::vehicle;
use crate::world::{Step, World};
use sqlx::PgPool;

#[sqlx::test(migrations = false)]
async fn with_rows_under_way_both_sides_come_back_by_themselves(db: PgPool) {
    let mut world = World::new(db).await;
    world.hold_up_counts(Step::Insert).await;
    world.start_agent().await;
    let vehicles: Vec<String> = (1..=9).map(vehicle).collect();
    for round in vehicles.chunks(3) {
        // The server has rows that it cannot store, so neither broker nor agent has an answer.
        let held = world.hold().await;
        world.site.reader.pass(1, &round[0]).await;
        world.server_waits_for_lock().await;
        world.broker.kill();
        world.site.reader.pass(1, &round[1]).await;
        held.rollback().await.unwrap();
        world.broker.start_again().await;
        world.site.reader.pass(2, &round[2]).await;
        world.each_counted_once(round).await;
        world.is_healthy().await;
    }
    world.outbox_drains().await;
    world.each_counted_once(&vehicles).await;
}
