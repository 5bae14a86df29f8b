//! Alarms reach people although a server dies or nobody takes them, and from one of several servers.

use crate::alarms::{device, look_with, place, raise, webhook};
use crate::state::TestState;
use chrono::Duration as Days;
use flextraff_server::alarms::{Kind, Notifier};
use flextraff_server::clock::Clock;
use flextraff_server::config::{Alarms, Secret};
use flextraff_server::db::alarms;
use flextraff_server::db::telling::{Untold, claim, told};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use tokio::sync::watch;

/// Waits until one alarm is told, by these ways.
async fn wait_until_told(db: &PgPool, by: &[&str]) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        let query = "SELECT count(*) FROM alarms WHERE told_at IS NOT NULL AND told_by = $1";
        while sqlx::query_scalar::<_, i64>(query).bind(by).fetch_one(db).await.expect("it counts") != 1 {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it is told in time");
}

#[sqlx::test]
async fn what_a_server_that_died_has_not_told_is_told_by_one_of_the_others(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    device(&db, &junction, Some(Clock.utc())).await;
    raise(&db, &junction, Kind::SignalFault).await;
    // As if the server that opened it were gone for long enough.
    sqlx::query("UPDATE alarms SET told_until = now()").execute(&db).await.unwrap();
    let (url, hook) = webhook();
    let config = Alarms { webhook_url: Some(Secret::new(url)), ..Alarms::default() };
    let (stop, stopped) = watch::channel(false);
    let mut servers = Vec::new();
    for _ in 0..2 {
        let (_, receiver) = tokio::sync::mpsc::channel(4);
        let notifier = Notifier::start(&config).unwrap();
        let (app, hearing) = (state.app.clone(), state.has_heard());
        let run = flextraff_server::alarms::run(app, Clock, hearing, receiver, notifier, stopped.clone());
        servers.push(tokio::spawn(run));
    }
    wait_until_told(&db, &["webhook"]).await;
    stop.send_replace(true);
    for server in servers {
        server.await.unwrap();
    }
    let (text, _) = hook.recv_timeout(Duration::from_secs(10)).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&body["kind"], &body["state"]), (&json!("signal_fault"), &json!("open")));
    assert!(hook.try_recv().is_err(), "it is told once");
}

#[sqlx::test]
async fn an_alarm_is_one_servers_to_tell_until_every_way_has_told_it_or_it_is_over(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let late = async || {
        sqlx::query("UPDATE alarms SET told_until = now()").execute(&db).await.unwrap();
    };
    let id = raise(&db, &junction, Kind::SignalFault).await;
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "who opened it tells it");
    late().await;
    assert_eq!(claim(&db, &[id]).await.unwrap(), [], "it is in hand");
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "and so it is for the others");
    late().await;
    let ways = ["webhook", "mail"];
    told(&db, id, &["mail"], &ways).await.unwrap();
    let untold = Untold { id, told_by: vec!["mail".to_owned()] };
    assert_eq!(claim(&db, &[]).await.unwrap(), [untold], "the webhook has not taken it");
    told(&db, id, &["webhook"], &ways).await.unwrap();
    late().await;
    assert_eq!(claim(&db, &[]).await.unwrap(), []);

    raise(&db, &junction, Kind::Disk).await;
    alarms::close(&db, place(&junction, Kind::Disk)).await.unwrap();
    raise(&db, &junction, Kind::RowsLost).await;
    sqlx::query("UPDATE alarms SET opened_at = now() - interval '25 hours' WHERE kind = 'rows_lost'")
        .execute(&db)
        .await
        .unwrap();
    late().await;
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "what is over or old is no news");
}

#[sqlx::test]
async fn where_nothing_is_to_be_told_nothing_waits_for_it(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    device(&db, &junction, Some(Clock.utc() - Days::seconds(91))).await;
    let opened = look_with(&state, state.has_heard(), &Alarms::default()).await;
    assert_eq!(opened["kind"], "device_offline");
    wait_until_told(&db, &[]).await;
}
