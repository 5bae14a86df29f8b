//! The database: encrypted, left to a person.

use crate::support::certificate::make_certificate;
use crate::support::gate::Gate;
use crate::support::process::{connect, free_port, program, serve, terminate, url};
use sqlx::{ConnectOptions as _, PgPool};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// As after a power cut, when all of the machines start at once.
#[sqlx::test(migrations = false)]
async fn a_server_that_starts_before_its_database_waits_for_it_and_then_serves(db: PgPool) {
    let options = db.connect_options();
    let mut gate = Gate::open((options.get_host().to_owned(), options.get_port())).await;
    gate.cut().await;
    let port = free_port();
    let address = (*options).clone().host("127.0.0.1").port(gate.port).to_url_lossy().to_string();
    let mut server = serve(&db, port);
    let server = server.env("FLEXTRAFF_DATABASE__URL", address).stderr(Stdio::piped());
    let mut server = server.spawn().expect("it starts");
    let mut lines = BufReader::new(server.stderr.take().expect("it has one")).lines();
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        while let Some(line) = lines.next_line().await.expect("it is text") {
            if line.contains("the database is away; waiting for it") {
                return;
            }
        }
        panic!("it ends without its database");
    });
    told.await.expect("it says what it waits for");
    // Whatever else it says is taken off it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    gate.mend().await;
    drop(connect(port).await);
    let made: i64 =
        sqlx::query_scalar("SELECT count(*) FROM junctions").fetch_one(&db).await.expect("it is made");
    assert_eq!((made, terminate(server).await), (0, Some(0)));
}

#[sqlx::test(migrations = false)]
async fn a_schema_that_is_left_to_a_person_is_not_touched(db: PgPool) {
    let mut server = serve(&db, free_port());
    let output = server.env("FLEXTRAFF_DATABASE__MIGRATE", "false").stderr(std::process::Stdio::piped());
    let output = output.output().await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("steps behind") && said.contains("run flextraff-server migrate"), "{said}");
    assert_eq!(output.status.code(), Some(1));
    let there: bool = sqlx::query_scalar("SELECT to_regclass('junctions') IS NOT NULL")
        .fetch_one(&db)
        .await
        .expect("it answers");
    assert!(!there);
    let migrated =
        program(&["migrate"]).env("FLEXTRAFF_DATABASE__URL", url(&db)).output().await.expect("it ends");
    assert!(migrated.status.success());
    let port = free_port();
    let server = serve(&db, port).env("FLEXTRAFF_DATABASE__MIGRATE", "false").spawn().expect("it starts");
    drop(connect(port).await);
    assert_eq!(terminate(server).await, Some(0));
}

/// The cluster of the tests, with a certificate of its own while this lives.
struct Encrypted {
    db: PgPool,
}

impl Encrypted {
    /// The program that PostgreSQL starts writes key and certificate where it may read them, whoever it runs as.
    async fn start(db: &PgPool, cert: &Path, key: &Path) -> Self {
        let folder: String =
            sqlx::query_scalar("SHOW data_directory").fetch_one(db).await.expect("it answers");
        for (from, name) in [(cert, "flextraff-test.crt"), (key, "flextraff-test.key")] {
            let text = std::fs::read_to_string(from).expect("it was made").replace('\n', "\\n");
            let write = format!(
                "COPY (SELECT E'{text}') TO PROGRAM 'umask 077; printf %b \"$(cat)\" > {folder}/{name}'"
            );
            sqlx::query(sqlx::AssertSqlSafe(write))
                .execute(db)
                .await
                .expect("the user of the tests may do so");
        }
        let encrypted = Self { db: db.clone() };
        for setting in
            ["ssl_cert_file = 'flextraff-test.crt'", "ssl_key_file = 'flextraff-test.key'", "ssl = on"]
        {
            encrypted.alter(&format!("SET {setting}")).await;
        }
        encrypted.reload(true).await;
        encrypted
    }

    async fn alter(&self, what: &str) {
        let alter = format!("ALTER SYSTEM {what}");
        sqlx::query(sqlx::AssertSqlSafe(alter))
            .execute(&self.db)
            .await
            .expect("the user of the tests may do so");
    }

    async fn reload(&self, wanted: bool) {
        sqlx::query("SELECT pg_reload_conf()")
            .execute(&self.db)
            .await
            .expect("the user of the tests may do so");
        let deadline = Instant::now() + Duration::from_secs(20);
        let word = if wanted { "on" } else { "off" };
        while sqlx::query_scalar::<_, String>("SHOW ssl").fetch_one(&self.db).await.expect("it answers")
            != word
        {
            assert!(Instant::now() < deadline, "ssl is not {word}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(self) {
        for setting in ["ssl", "ssl_key_file", "ssl_cert_file"] {
            self.alter(&format!("RESET {setting}")).await;
        }
        self.reload(false).await;
    }
}

#[sqlx::test(migrations = false)]
async fn the_way_to_the_database_is_encrypted_and_its_certificate_checked(db: PgPool) {
    let folder = tempfile::tempdir().expect("there is room");
    let file = |name: &str| folder.path().join(name);
    make_certificate(&file("right.crt"), &file("right.key"));
    make_certificate(&file("other.crt"), &file("other.key"));
    let encrypted = Encrypted::start(&db, &file("right.crt"), &file("right.key")).await;
    let check = async |ca: &str| {
        // The test's connection is to an address; the certificate is for a name.
        let url = url(&db).replace("127.0.0.1", "localhost");
        let url = url.split('?').next().unwrap_or_default();
        let url = format!("{url}?sslmode=verify-full&sslrootcert={}", file(ca).display());
        let output = program(&["check"]).env("FLEXTRAFF_DATABASE__URL", url).output().await.expect("it ends");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (right, other) = (check("right.crt").await, check("other.crt").await);
    encrypted.stop().await;
    let plain = check("right.crt").await;
    assert!(right.contains("database: ") && !right.contains("Failed   database"), "{right}");
    assert!(other.contains("Failed   database") && other.contains("certificate"), "{other}");
    assert!(plain.contains("Failed   database"), "what cannot be encrypted is not sent: {plain}");
}
