//! Steps of the schema beside servers that go on.

use super::support::*;
use flextraff_server::db::setup;
use sqlx::PgPool;
use std::time::Duration;

/// A backup reads for an hour, and whoever stores rows must not wait behind a step that waits for it.
#[sqlx::test(migrations = "./migrations")]
async fn a_step_whose_table_is_in_use_holds_up_nobody(db: PgPool) {
    for undo in [
        "ALTER TABLE alarms DROP COLUMN told_at, DROP COLUMN told_by, DROP COLUMN told_until",
        "DELETE FROM _sqlx_migrations WHERE version = 20260411000000",
    ] {
        sqlx::query(undo).execute(&db).await.unwrap();
    }
    let mut backup = db.begin().await.unwrap();
    sqlx::query("LOCK TABLE alarms IN ACCESS SHARE MODE").execute(&mut *backup).await.unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
         AND query LIKE '%ADD COLUMN told_at%'";
    let (stepped, ()) = tokio::join!(setup::migrate(&db), async {
        wait_for(&db, waiting, 1).await;
        let store = sqlx::query("UPDATE alarms SET message = message").execute(&db);
        tokio::time::timeout(Duration::from_secs(20), store).await.expect("it waits for no backup").unwrap();
        backup.commit().await.unwrap();
    });
    stepped.unwrap();
    assert_eq!(setup::pending(&db).await.unwrap(), 0);
}
