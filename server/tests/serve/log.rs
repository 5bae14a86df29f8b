//! What the log says of a request that failed.

use crate::stop::{answer, create_user};
use crate::support::process::{connect, free_port, serve, terminate};
use sqlx::PgPool;
use std::process::Stdio;

#[sqlx::test(migrations = "./migrations")]
async fn a_failure_is_one_line_with_the_id_that_the_answer_names(db: PgPool) {
    create_user(&db).await;
    let folder = tempfile::tempdir().expect("there is room");
    let log = folder.path().join("log");
    let file = std::fs::File::create(&log).expect("it can be made");
    let port = free_port();
    let server = serve(&db, port).stderr(Stdio::from(file)).spawn().expect("it starts");
    drop(connect(port).await);
    sqlx::query("ALTER TABLE users RENAME COLUMN password_hash TO elsewhere")
        .execute(&db)
        .await
        .expect("the table is there");
    let form = "username=asha&password=securepassword123";
    let request = format!(
        "POST /api/users/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-Id: asked-7\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = answer(port, &request).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 500 "), "{answer}");
    assert!(answer.contains("x-request-id: asked-7"), "{answer}");
    assert!(!answer.contains("password_hash"), "the answer tells nothing of the inside: {answer}");
    assert_eq!(terminate(server).await, Some(0));
    let log = std::fs::read_to_string(log).expect("it was written");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("asked-7")).collect();
    let [line] = lines[..] else { panic!("not one line: {lines:#?}") };
    for said in ["ERROR", "request failed", "POST", "/api/users/token", "500", "password_hash"] {
        assert!(line.contains(said), "no {said}: {line}");
    }
    assert!(!log.contains("securepassword123"), "no secret is in the log");
}
