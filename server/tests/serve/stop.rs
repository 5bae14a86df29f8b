//! A stop that cuts nobody off.

use crate::support::process::{connect, free_port, program, serve, terminate};
use crate::support::{Broker, COUNTER, LANES, counts, counts_topic, import, number, wait_for};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

const PASSWORD: &str = "securepassword123";

/// Sends bytes and reads until the server closes.
pub(crate) async fn answer(port: u16, request: &str) -> String {
    let mut stream = connect(port).await;
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the answer is text");
    answer
}

pub(crate) async fn sign_in(port: u16) -> String {
    sign_in_as(port, "asha").await
}

pub(crate) async fn sign_in_as(port: u16, name: &str) -> String {
    let form = format!("username={name}&password={PASSWORD}");
    let request = format!(
        "POST /api/users/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = answer(port, &request).await;
    let body: Value = serde_json::from_str(answer.rsplit("\r\n\r\n").next().unwrap_or_default())
        .unwrap_or_else(|_| panic!("no token: {answer}"));
    body["access_token"].as_str().expect("a token is text").to_owned()
}

pub(crate) async fn create_user(db: &PgPool) {
    create(db, "asha", &["--admin"]).await;
}

pub(crate) async fn create(db: &PgPool, name: &str, more: &[&str]) {
    let email = format!("{name}@city.example");
    let mut create = program(&["user", "create", "--username", name, "--email", &email]);
    create.args(more);
    create.env("FLEXTRAFF_DATABASE__URL", crate::support::process::url(db));
    let mut create = create.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
    let mut input = create.stdin.take().expect("it is piped");
    input.write_all(format!("{PASSWORD}\n").as_bytes()).await.expect("it reads");
    drop(input);
    assert!(create.wait().await.expect("it ends").success());
}

#[sqlx::test(migrations = "./migrations")]
async fn requests_are_answered_counts_are_stored_and_leases_given_back(db: PgPool) {
    import(&db).await;
    create_user(&db).await;
    let broker = Broker::start().await;
    let port = free_port();
    let server = serve(&db, port).env("FLEXTRAFF_MQTT__URL", broker.url()).spawn().expect("it starts");
    drop(connect(port).await);
    wait_for(&db, "SELECT count(*) FROM junction_leases WHERE expires_at > now()", 1).await;
    let token = sign_in(port).await;

    let (mut live, _) = tokio_tungstenite::connect_async(format!("ws://127.0.0.1:{port}/ws/live"))
        .await
        .expect("the feed opens");
    let auth = json!({"type": "auth", "token": token}).to_string();
    live.send(Message::text(auth)).await.expect("it is sent");
    let ready = live.next().await.expect("it answers").expect("the stream holds");
    assert_eq!(ready.into_text().expect("frames are text").as_str(), r#"{"type":"ready"}"#);

    // A request of which only a part has come when the server is told to stop.
    let body = json!({"username": "ravi", "email": "ravi@city.example", "password": "another long phrase 7"})
        .to_string();
    let mut half = connect(port).await;
    let head = format!(
        "POST /api/users/register HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    half.write_all(head.as_bytes()).await.expect("it is sent");
    let rows: Vec<String> = (1..=500).map(|seq| counts(COUNTER, LANES[1], seq).to_string()).collect();
    broker.publish(&counts_topic(LANES[1]), &rows).await;
    wait_for(&db, "SELECT least(count(*), 1) FROM car_counts", 1).await;

    let asked = Instant::now();
    let stopping = tokio::spawn(terminate(server));
    let close = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            if let Message::Close(frame) =
                live.next().await.expect("it says goodbye").expect("the stream holds")
            {
                return frame.expect("with a reason");
            }
        }
    });
    let close = close.await.expect("it says goodbye in time");
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1001, "The server stops; connect again"));
    half.write_all(body.as_bytes()).await.expect("the connection still holds");
    let mut text = String::new();
    half.read_to_string(&mut text).await.expect("the answer is text");
    assert!(text.starts_with("HTTP/1.1 201"), "{text}");
    assert_eq!(stopping.await.expect("it is waited for"), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(25), "{:?}", asked.elapsed());

    assert_eq!(number(&db, "SELECT count(*) FROM junction_leases WHERE expires_at > now()").await, 0);
    // What the broker still has comes to the next one; each row is stored once.
    let server = serve(&db, port).env("FLEXTRAFF_MQTT__URL", broker.url()).spawn().expect("it starts");
    wait_for(&db, "SELECT count(*) FROM car_counts", 500).await;
    wait_for(&db, "SELECT count(DISTINCT seq) FROM car_counts", 500).await;
    drop(connect(port).await);
    assert_eq!(terminate(server).await, Some(0));
}
