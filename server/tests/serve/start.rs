//! What it needs to start.

use crate::support::certificate::make_certificate;
use crate::support::number;
use crate::support::process::*;
use sqlx::PgPool;

#[tokio::test]
async fn what_is_wrong_with_the_configuration_is_said_before_anything_starts() {
    let output = program(&["serve"]).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(says(&output, "FLEXTRAFF_DATABASE__URL"), "{output:?}");
    let output = program(&["check", "--config", "/no/such/file"]).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let output = program(&["config"]).env("FLEXTRAFF_HTTP__BNID", "x").output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(says(&output, "FLEXTRAFF_HTTP__BIND"), "{output:?}");
}

#[tokio::test]
async fn check_reads_keys_and_certificates_as_the_server_does() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = |name: &str| folder.path().join(name);
    for name in ["one", "other"] {
        make_certificate(&file(&format!("{name}.pem")), &file(&format!("{name}.key")));
    }
    std::fs::write(file("weak"), "your-secret-key-your-secret-key-your-secret-key").expect("there is room");
    std::fs::write(file("strong"), "q7Wc2Zk9Lx4Tn8Rb1Yv6Ms3Hd5Jf0Gp_-aEuIoX").expect("there is room");
    let check = async |secret: &str, key: &str| {
        let mut command = program(&["check"]);
        command
            .env("FLEXTRAFF_DATABASE__URL", "postgres://nobody@127.0.0.1:1/none")
            .env("FLEXTRAFF_AUTH__SECRET_KEY_FILE", file(secret))
            .env("FLEXTRAFF_HTTP__TLS_CERT_FILE", file("one.pem"))
            .env("FLEXTRAFF_HTTP__TLS_KEY_FILE", file(key));
        let output = command.output().await.expect("it ends");
        String::from_utf8(output.stdout).expect("it is text")
    };
    let said = check("weak", "other.key").await;
    assert!(said.contains("Failed   signing key: ") && said.contains("is an example from a guide"), "{said}");
    assert!(said.contains("Failed   certificate: "), "{said}");
    let said = check("strong", "one.key").await;
    assert!(said.contains("Ok       signing key: ") && said.contains("Ok       certificate: "), "{said}");
}

#[sqlx::test(migrations = false)]
async fn it_runs_without_file_and_broker_and_stops_when_asked(db: PgPool) {
    let port = free_port();
    let server = serve(&db, port).spawn().expect("it starts");
    drop(connect(port).await);
    assert_eq!(terminate(server).await, Some(0));
    // Without a broker too it has made its tables.
    assert_eq!(number(&db, "SELECT count(*) FROM junctions").await, 0);
}

#[sqlx::test(migrations = false)]
async fn with_a_certificate_it_speaks_https(db: PgPool) {
    let folder = tempfile::tempdir().expect("there is room");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    make_certificate(&cert, &key);
    let port = free_port();
    let mut command = serve(&db, port);
    let server = command
        .env("FLEXTRAFF_HTTP__TLS_CERT_FILE", &cert)
        .env("FLEXTRAFF_HTTP__TLS_KEY_FILE", &key)
        .spawn()
        .expect("it starts");
    // One that says nothing holds up no other.
    let silent = connect(port).await;
    let answer = get(port, &cert, "/livez").await.expect("keys are agreed");
    assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(silent);
    assert_eq!(terminate(server).await, Some(0));
}

/// Another server that starts at the same time makes them.
#[sqlx::test(migrations = "./migrations")]
async fn it_starts_while_another_one_makes_partitions(db: PgPool) {
    let mut other = db.begin().await.expect("it answers");
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('flextraff.ensure_partitions'))")
        .execute(&mut *other)
        .await
        .expect("it is free");
    let port = free_port();
    let server = serve(&db, port).spawn().expect("it starts");
    drop(connect(port).await);
    other.rollback().await.expect("it answers");
    assert_eq!(terminate(server).await, Some(0));
}
