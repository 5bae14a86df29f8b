//! Alarms reach people although a server dies or nobody takes them, and from one of several servers.

use crate::alarms::{device, look_with, place, raise, webhook};
use crate::state::TestState;
use chrono::Duration as Days;
use flextraff_server::alarms::{Finding, Kind, Notifier, Severity, Step};
use flextraff_server::clock::Clock;
use flextraff_server::config::{Alarms, Secret};
use flextraff_server::db::alarms;
use flextraff_server::db::telling::{News, Untold, claim, pass, told};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Waits until so many alarms are told, by these ways.
async fn wait_until_so_many_told(db: &PgPool, by: &[&str], count: i64) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        let query = "SELECT count(*) FROM alarms WHERE told_at IS NOT NULL AND told_by = $1";
        while sqlx::query_scalar::<_, i64>(query).bind(by).fetch_one(db).await.expect("it counts") != count {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it is told in time");
}

/// Waits until one alarm is told, by these ways.
async fn wait_until_told(db: &PgPool, by: &[&str]) {
    wait_until_so_many_told(db, by, 1).await;
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
    let alarm = raise(&db, &junction, Kind::SignalFault).await;
    let opened = News { alarm, number: 1 };
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "who opened it tells it");
    late().await;
    assert_eq!(claim(&db, &[alarm]).await.unwrap(), [], "it is in hand");
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "and so it is for the others");
    late().await;
    let ways = ["webhook", "mail"];
    told(&db, opened, &["mail"], &ways).await.unwrap();
    let untold = Untold { news: opened, step: Step::Opened, told_by: vec!["mail".to_owned()] };
    assert_eq!(claim(&db, &[]).await.unwrap(), [untold], "the webhook has not taken it");
    told(&db, opened, &["webhook"], &ways).await.unwrap();
    late().await;
    assert_eq!(claim(&db, &[]).await.unwrap(), []);

    // So it is with its end, and of what has become of it only the last is news.
    let closed = alarms::close(&db, place(&junction, Kind::SignalFault)).await.unwrap().expect("it was open");
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "who closed it tells it");
    told(&db, opened, &ways, &ways).await.unwrap();
    late().await;
    let untold = Untold { news: closed, step: Step::Closed, told_by: Vec::new() };
    assert_eq!(claim(&db, &[]).await.unwrap(), [untold], "that it opened was told, not that it is over");
    told(&db, closed, &ways, &ways).await.unwrap();
    raise(&db, &junction, Kind::RowsLost).await;
    sqlx::query("UPDATE alarms SET news_at = now() - interval '25 hours' WHERE kind = 'rows_lost'")
        .execute(&db)
        .await
        .unwrap();
    late().await;
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "what is old is no news");
}

#[sqlx::test]
async fn what_an_alarm_says_anew_is_told_ten_minutes_later_and_not_as_often_as_it_changes(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    let says = async |message: &str| {
        let finding = Finding::new(Kind::RowsLost, message);
        alarms::update(&db, place(&junction, Kind::RowsLost), &finding).await.unwrap();
    };
    let minutes_pass = async |minutes: i32| {
        let earlier = "UPDATE alarms SET told_until = told_until - make_interval(mins => $1),
                                         told_at = told_at - make_interval(mins => $1)";
        sqlx::query(earlier).bind(minutes).execute(&db).await.unwrap();
    };
    let alarm = raise(&db, &junction, Kind::RowsLost).await;
    // Nobody has heard of it: it opens with what it says by now.
    says("4 rows").await;
    minutes_pass(4).await;
    let opened = claim(&db, &[]).await.unwrap();
    assert_eq!(
        opened.iter().map(|news| (news.news.alarm, news.step)).collect::<Vec<_>>(),
        [(alarm, Step::Opened)]
    );
    told(&db, opened[0].news, &["mail"], &["mail"]).await.unwrap();
    says("5 rows").await;
    minutes_pass(4).await;
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "it was told six minutes ago");
    says("6 rows").await;
    minutes_pass(7).await;
    let changed = claim(&db, &[]).await.unwrap();
    assert_eq!(changed.iter().map(|news| news.step).collect::<Vec<_>>(), [Step::Changed]);
    told(&db, changed[0].news, &["mail"], &["mail"]).await.unwrap();
    says("6 rows").await;
    minutes_pass(11).await;
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "it says the same");
}

/// A server that starts now, until it is told to stop.
fn starts(state: &TestState, config: &Alarms) -> (watch::Sender<bool>, JoinHandle<()>) {
    let (_, receiver) = tokio::sync::mpsc::channel(4);
    let (stop, stopped) = watch::channel(false);
    let notifier = Notifier::start(config).expect("the webhook can be told");
    let (app, hearing) = (state.app.clone(), state.has_heard());
    (stop, tokio::spawn(flextraff_server::alarms::run(app, Clock, hearing, receiver, notifier, stopped)))
}

/// What a server that starts now tells first.
async fn tells(
    state: &TestState,
    config: &Alarms,
    hook: Receiver<(String, String)>,
) -> (Value, Receiver<(String, String)>) {
    let (stop, server) = starts(state, config);
    let (text, hook) = tokio::task::spawn_blocking(move || {
        let (text, _) = hook.recv_timeout(Duration::from_secs(20)).expect("it is told in time");
        (text, hook)
    })
    .await
    .expect("it ends");
    wait_until_told(&state.app.db, &["webhook"]).await;
    stop.send_replace(true);
    server.await.expect("it ends");
    (serde_json::from_str(&text).expect("it is JSON"), hook)
}

#[sqlx::test]
async fn who_is_told_of_an_alarm_hears_what_it_says_by_now_who_took_notice_and_that_it_is_over(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    device(&db, &junction, Some(Clock.utc())).await;
    let (url, hook) = webhook();
    let config = Alarms { webhook_url: Some(Secret::new(url)), ..Alarms::default() };
    let late = async || {
        sqlx::query("UPDATE alarms SET told_until = now()").execute(&db).await.unwrap();
    };
    let alarm = raise(&db, &junction, Kind::ReaderSilent).await;
    late().await;
    let (opened, hook) = tells(&state, &config, hook).await;
    let both = Finding::new(Kind::ReaderSilent, "Reader north is down; reader south is silent");
    alarms::update(&db, place(&junction, Kind::ReaderSilent), &both).await.unwrap();
    late().await;
    let (changed, hook) = tells(&state, &config, hook).await;
    let path = format!("/api/alarms/{alarm}/acknowledge");
    assert_eq!(state.request("POST", &path, &admin, &Value::Null).await.status, 200);
    let (acknowledged, hook) = tells(&state, &config, hook).await;
    // The server that closed it is gone before anybody has heard so.
    alarms::close(&db, place(&junction, Kind::ReaderSilent)).await.unwrap().expect("it was open");
    late().await;
    let (closed, hook) = tells(&state, &config, hook).await;
    let said = [opened, changed, acknowledged, closed];
    for told in &said {
        assert_eq!(told["alarm_id"], json!(alarm), "{told}");
    }
    let of = |field: &str| said.iter().map(|told| told[field].clone()).collect::<Vec<_>>();
    assert_eq!(of("change"), ["opened", "changed", "acknowledged", "closed"]);
    assert_eq!(of("state"), ["open", "open", "open", "closed"]);
    assert_eq!(said[1]["message"], json!(both.message));
    assert_eq!(of("acknowledged_by"), [Value::Null, Value::Null, json!("admin"), json!("admin")]);
    assert!(hook.try_recv().is_err(), "each is told once");
    // Of one that is over nobody needs to hear who has seen it.
    raise(&db, &junction, Kind::Disk).await;
    let over = alarms::close(&db, place(&junction, Kind::Disk)).await.unwrap().expect("it was open");
    told(&db, over, &["webhook"], &["webhook"]).await.unwrap();
    let path = format!("/api/alarms/{}/acknowledge", over.alarm);
    assert_eq!(state.request("POST", &path, &admin, &Value::Null).await.status, 200);
    assert_eq!(claim(&db, &[]).await.unwrap(), []);
}

#[sqlx::test]
async fn changes_of_open_alarms_are_told_within_the_limit(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    device(&db, &junction, Some(Clock.utc())).await;
    let (url, hook) = webhook();
    let config = Alarms { webhook_url: Some(Secret::new(url)), most_per_hour: 1, ..Alarms::default() };
    let ids: Vec<Uuid> = vec![
        raise(&db, &junction, Kind::ReaderSilent).await,
        raise(&db, &junction, Kind::SecondClient).await,
    ];
    for kind in [Kind::ReaderSilent, Kind::SecondClient] {
        let finding = Finding::new(kind, "Something else is wrong");
        sqlx::query("UPDATE alarms SET told_at = now()").execute(&db).await.unwrap();
        alarms::update(&db, place(&junction, kind), &finding).await.unwrap();
    }
    sqlx::query("UPDATE alarms SET told_at = NULL, told_until = now()").execute(&db).await.unwrap();
    let (told, hook) = tells(&state, &config, hook).await;
    assert_eq!(told["change"], json!("changed"));
    assert!(ids.iter().any(|id| told["alarm_id"] == json!(id)), "{told}");
    assert!(hook.try_recv().is_err(), "the other one is beyond the limit");
    assert_eq!(claim(&db, &[]).await.unwrap(), [], "and is not tried again");

    // Nor does another server tell more, or the same one when it has started anew.
    let acknowledge = async |id: &Value| {
        let path = format!("/api/alarms/{}/acknowledge", id.as_str().unwrap());
        assert_eq!(state.request("POST", &path, &admin, &Value::Null).await.status, 200);
    };
    acknowledge(&told["alarm_id"]).await;
    let (stop, server) = starts(&state, &config);
    wait_until_so_many_told(&db, &[], 2).await;
    stop.send_replace(true);
    server.await.unwrap();
    assert!(hook.try_recv().is_err(), "the limit is that of all");
    sqlx::query("UPDATE alarm_brakes SET passed = ARRAY(SELECT m - interval '1 hour' FROM unnest(passed) m)")
        .execute(&db)
        .await
        .unwrap();
    let other = ids.iter().map(|id| json!(id)).find(|id| *id != told["alarm_id"]).unwrap();
    acknowledge(&other).await;
    let (told, _) = tells(&state, &config, hook).await;
    assert_eq!((&told["change"], &told["untold"]), (&json!("acknowledged"), &json!(2)), "{told}");
}

#[sqlx::test]
async fn so_many_messages_pass_within_an_hour_and_the_others_are_counted(db: PgPool) {
    let others = async || pass(&db, Severity::Error, 2).await.unwrap();
    // At once, as from several servers.
    let mut passed = <[_; 5]>::from(tokio::join!(others(), others(), others(), others(), others()));
    passed.sort_unstable();
    assert_eq!(passed, [None, None, None, Some(0), Some(0)]);
    let critical = async || pass(&db, Severity::Critical, 2).await.unwrap();
    assert_eq!([critical().await, critical().await, critical().await], [Some(0), Some(0), None]);
    let shift = async |by: &str| {
        let shift = "UPDATE alarm_brakes SET passed = ARRAY(SELECT m + $1::interval FROM unnest(passed) m)";
        sqlx::query(shift).bind(by).execute(&db).await.unwrap();
    };
    shift("-59 minutes").await;
    assert_eq!(others().await, None);
    shift("-2 minutes").await;
    assert_eq!([others().await, others().await, others().await], [Some(4), Some(0), None]);
    // A clock that was ahead holds nobody back once it is right.
    shift("1 year").await;
    assert_eq!([others().await, others().await, others().await], [Some(1), Some(0), None]);
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
