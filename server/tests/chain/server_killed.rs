//! The server is killed around the commit that stores counts.

use crate::process::until;
use crate::road::vehicle;
use crate::world::World;
use sqlx::PgPool;

async fn with_traffic(db: PgPool) -> (World, Vec<String>) {
    let mut world = World::new(db).await;
    world.start_agent().await;
    world.outbox_drains().await;
    let vehicles: Vec<String> = (1..=4).map(vehicle).collect();
    (world, vehicles)
}

async fn pass(world: &World, vehicles: &[String]) {
    for epc in vehicles {
        world.site.reader.pass(1, epc).await;
    }
}

#[sqlx::test(migrations = false)]
async fn between_receipt_and_commit(db: PgPool) {
    let (mut world, vehicles) = with_traffic(db).await;
    let mut held = world.db.begin().await.unwrap();
    sqlx::query("LOCK TABLE car_counts IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    pass(&world, &vehicles).await;
    world.server_waits_for_lock().await;
    world.kill_server();
    held.rollback().await.unwrap();
    world.start_server().await;
    world.each_counted_once(&vehicles).await;
    world.outbox_drains().await;
}

#[sqlx::test(migrations = false)]
async fn between_commit_and_answer(db: PgPool) {
    let (mut world, vehicles) = with_traffic(db).await;
    // Holds up the commit itself: PostgreSQL finishes it although its client is dead.
    for statement in [
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER hold AFTER INSERT OR UPDATE ON ingest_ledger DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION hold()",
    ] {
        sqlx::query(statement).execute(&world.db).await.unwrap();
    }
    let mut held = world.db.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(1)").execute(&mut *held).await.unwrap();
    world.server_waits_for_lock().await;
    pass(&world, &vehicles).await;
    let before = rows(&world.db).await;
    world.kill_server();
    held.rollback().await.unwrap();
    until("the commit of the dead server", async || (rows(&world.db).await > before).then_some(())).await;
    world.start_server().await;
    world.each_counted_once(&vehicles).await;
    world.outbox_drains().await;
}

async fn rows(db: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM car_counts").fetch_one(db).await.expect("the database answers")
}
