//! What the log says of a request that failed.

use crate::stop::{answer, create_user};
use crate::support::process::{connect, free_port, serve, terminate};
use serde_json::Value;
use sqlx::PgPool;
use std::process::Stdio;

/// The log of a server at which a sign-in fails for a reason of its own, as `format` has it, and the answer to that request.
async fn failed(db: &PgPool, format: &str) -> (String, String) {
    create_user(db).await;
    let folder = tempfile::tempdir().expect("there is room");
    let log = folder.path().join("log");
    let file = std::fs::File::create(&log).expect("it can be made");
    let port = free_port();
    let mut command = serve(db, port);
    command.env("FLEXTRAFF_LOG__FORMAT", format).stderr(Stdio::from(file));
    let server = command.spawn().expect("it starts");
    drop(connect(port).await);
    sqlx::query("ALTER TABLE users RENAME COLUMN password_hash TO elsewhere")
        .execute(db)
        .await
        .expect("the table is there");
    let form = "username=asha&password=securepassword123";
    let request = format!(
        "POST /api/users/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-Id: asked-7\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = answer(port, &request).await.to_lowercase();
    assert_eq!(terminate(server).await, Some(0));
    (std::fs::read_to_string(log).expect("it was written"), answer)
}

#[sqlx::test(migrations = "./migrations")]
async fn a_failure_is_one_line_with_the_id_that_the_answer_names(db: PgPool) {
    let (log, answer) = failed(&db, "text").await;
    assert!(answer.starts_with("http/1.1 500 "), "{answer}");
    assert!(answer.contains("x-request-id: asked-7"), "{answer}");
    assert!(!answer.contains("password_hash"), "the answer tells nothing of the inside: {answer}");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("asked-7")).collect();
    let [line] = lines[..] else { panic!("not one line: {lines:#?}") };
    for said in ["ERROR", "request failed", "POST", "/api/users/token", "500", "password_hash"] {
        assert!(line.contains(said), "no {said}: {line}");
    }
    assert!(!log.contains("securepassword123"), "no secret is in the log");
}

#[sqlx::test(migrations = "./migrations")]
async fn as_json_each_line_is_an_object_and_fields_stay_apart(db: PgPool) {
    let (log, _) = failed(&db, "json").await;
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    assert!(lines.iter().all(|line| line["time"].is_string() && line["level"].is_string()), "{log}");
    assert!(
        lines.iter().any(|line| line["message"] == "server is ready" && line["address"].is_string()),
        "{log}"
    );
    let failures: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request failed").collect();
    let [line] = failures[..] else { panic!("not one line: {log}") };
    assert_eq!((&line["level"], &line["request_id"]), (&"ERROR".into(), &"asked-7".into()), "{line}");
    assert!(line["error"].to_string().contains("password_hash"), "{line}");
}
