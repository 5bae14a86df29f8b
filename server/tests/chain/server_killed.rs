//! The server is killed around the commit that stores counts.

use crate::process::until;
use crate::road::vehicle;
use crate::world::{Step, World};
use sqlx::{PgPool, Postgres, Transaction};

/// A running chain, and a vehicle whose count the server is about to store.
async fn with_a_count_held_up(db: PgPool, at: Step) -> (World, String, Transaction<'static, Postgres>) {
    let mut world = World::new(db).await;
    world.hold_up_counts(at).await;
    world.start_agent().await;
    world.outbox_drains().await;
    let held = world.hold().await;
    let epc = vehicle(1);
    world.site.reader.pass(1, &epc).await;
    world.server_waits_for_lock().await;
    (world, epc, held)
}

#[sqlx::test(migrations = false)]
async fn between_receipt_and_commit(db: PgPool) {
    let (mut world, epc, held) = with_a_count_held_up(db, Step::Insert).await;
    world.kill_server();
    held.rollback().await.unwrap();
    world.nobody_waits_for_lock().await;
    assert_eq!(world.counted(&epc).await, 0, "the dead server has not committed");
    world.start_server().await;
    world.each_counted_once([&epc]).await;
    world.outbox_drains().await;
}

#[sqlx::test(migrations = false)]
async fn between_commit_and_answer(db: PgPool) {
    // PostgreSQL finishes a commit although its client is dead.
    let (mut world, epc, held) = with_a_count_held_up(db, Step::Commit).await;
    world.kill_server();
    held.rollback().await.unwrap();
    until("the commit of the dead server", async || (world.counted(&epc).await > 0).then_some(())).await;
    world.start_server().await;
    world.each_counted_once([&epc]).await;
    world.outbox_drains().await;
}
