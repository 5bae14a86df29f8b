//! A city that goes on elsewhere.

use crate::stop::create_user;
use crate::support::process::{connect, free_port, program, serve, terminate, url};
use crate::support::{Broker, COUNTER, LANES, counts, counts_topic, import, junctions, wait_for};
use chrono::TimeDelta;
use flextraff_common::ids::DeviceId;
use flextraff_server::clock::Clock;
use flextraff_server::db::enrolment::set_login;
use flextraff_server::db::junctions as junctions_table;
use flextraff_server::db::setup::MIGRATOR;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use std::path::Path;
use std::process::Output;

const AUTHORITY: [(&str, &str); 2] = [
    ("FLEXTRAFF_DEVICES__CA_CERT_FILE", "device-ca.crt"),
    ("FLEXTRAFF_DEVICES__CA_KEY_FILE", "device-ca.key"),
];

/// A database without anything in it; it goes with its caller's.
async fn another(db: &PgPool, suffix: &str) -> PgPool {
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(db).await.expect("it answers");
    // Names have at most 63 bytes, and those of tests nearly that.
    let new = format!("{}{suffix}", &name[..name.len().min(40)]);
    for statement in
        [format!("DROP DATABASE IF EXISTS \"{new}\" WITH (FORCE)"), format!("CREATE DATABASE \"{new}\"")]
    {
        sqlx::query(AssertSqlSafe(statement)).execute(db).await.expect("the user of the tests may do so");
    }
    let options = (*db.connect_options()).clone().database(&new);
    PgPoolOptions::new().max_connections(2).connect_with(options).await.expect("it is there")
}

async fn drop_database(db: &PgPool, other: PgPool) {
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(&other).await.expect("it answers");
    other.close().await;
    let drop = format!("DROP DATABASE \"{name}\" WITH (FORCE)");
    sqlx::query(AssertSqlSafe(drop)).execute(db).await.expect("the user of the tests may do so");
}

/// Every table with the digest of its rows, but for the audit log, in which backups and restores stand.
async fn tables(db: &PgPool) -> Vec<(String, i64, Option<String>)> {
    let names: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'audit_log' ORDER BY 1")
            .fetch_all(db)
            .await
            .expect("it answers");
    let mut tables = Vec::new();
    for name in names {
        let query = format!(
            "SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM ONLY \"{name}\" t"
        );
        let (rows, digest) = sqlx::query_as(AssertSqlSafe(query)).fetch_one(db).await.expect("it answers");
        tables.push((name, rows, digest));
    }
    tables
}

/// The authority of devices lies beside the key.
async fn run(db: &PgPool, key: &Path, args: &[&str]) -> Output {
    let mut command = program(args);
    command.env("FLEXTRAFF_DATABASE__URL", url(db)).env("FLEXTRAFF_AUTH__SECRET_KEY_FILE", key);
    for (name, file) in AUTHORITY {
        command.env(name, key.with_file_name(file));
    }
    command.output().await.expect("it runs")
}

#[track_caller]
fn refused(output: &Output, text: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains(text), "{text}: {output:?}");
}

#[sqlx::test(migrations = "./migrations")]
async fn everything_comes_back_on_another_machine(db: PgPool) {
    let folder = tempfile::tempdir().expect("there is room");
    let file = |name: &str| folder.path().join(name);
    let path = |name: &str| file(name).display().to_string();
    std::fs::write(file("secret.key"), [7; 48]).expect("there is room");
    assert!(run(&db, &file("secret.key"), &["device", "ca"]).await.status.success());
    import(&db).await;
    create_user(&db).await;
    // Devices sign in elsewhere with what they have.
    let (device, now) = (COUNTER.parse().map(DeviceId).expect("it is an id"), Clock.utc());
    let certificate = ("40000000000000000001", now + TimeDelta::days(90));
    let mut connection = db.acquire().await.expect("it answers");
    let login = set_login(&mut connection, device, &"p".repeat(32), Some(certificate), now).await;
    login.expect("the device is there");
    drop(connection);
    let broker = Broker::start().await;
    let port = free_port();
    let server = serve(&db, port).env("FLEXTRAFF_MQTT__URL", broker.url()).spawn().expect("it starts");
    drop(connect(port).await);
    wait_for(&db, "SELECT count(*) FROM junction_leases", 1).await;
    let rows: Vec<String> = (1..=50).map(|seq| counts(COUNTER, LANES[1], seq).to_string()).collect();
    broker.publish(&counts_topic(LANES[1]), &rows).await;
    wait_for(&db, "SELECT count(*) FROM car_counts", 50).await;

    // While the server runs, and of what stands still.
    let running = run(&db, &file("secret.key"), &["backup", "--out", &path("running")]).await;
    assert!(running.status.success(), "{running:?}");
    let busy = run(&db, &file("secret.key"), &["restore", "--from", &path("running"), "--overwrite"]).await;
    refused(&busy, "a server uses this database");
    assert_eq!(terminate(server).await, Some(0));
    let made = run(&db, &file("secret.key"), &["backup", "--out", &path("backup")]).await;
    assert!(made.status.success(), "{made:?}");
    refused(
        &run(&db, &file("secret.key"), &["backup", "--out", &path("backup")]).await,
        "exists; name a folder",
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &file("backup").metadata().expect("it is there").permissions(),
    );
    assert_eq!(mode & 0o777, 0o700, "keys and passwords are for their owner");

    let restored = another(&db, "_restored").await;
    let restore = ["restore", "--from", &path("backup")];
    // Whoever restores may be root, and the server another.
    std::fs::create_dir(file("new")).expect("there is room");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(file("new"), Some(65_534), Some(65_534)).expect("root may");
    }
    let done = run(&restored, &file("new/secret.key"), &restore).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(std::fs::read(file("new/secret.key")).expect("it is in its place"), [7; 48]);
    for (_, name) in AUTHORITY {
        let (old, new) = (std::fs::read(file(name)), std::fs::read(file("new").join(name)));
        assert_eq!(new.expect("it is in its place"), old.expect("it was made"), "{name}");
    }
    let owner = |name: &str| {
        let found = file(name).metadata().expect("it is there");
        (std::os::unix::fs::MetadataExt::uid(&found), std::os::unix::fs::MetadataExt::gid(&found))
    };
    assert_eq!(owner("new/secret.key"), owner("new"), "the server can read what is restored for it");
    // Where there was a file before, its rights stay as they were.
    let rights = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::write(file("new/secret.key"), "another").expect("it is there");
    std::fs::set_permissions(file("new/secret.key"), rights(0o640)).expect("it is there");
    let over = ["restore", "--from", &path("backup"), "--overwrite"];
    let done = run(&restored, &file("new/secret.key"), &over).await;
    assert!(done.status.success(), "{done:?}");
    let mode = file("new/secret.key").metadata().expect("it is there").permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o640);
    let mode = file("new/device-ca.key").metadata().expect("it is there").permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    let expected = tables(&db).await;
    for logins in ["device_credentials", "device_certificates"] {
        assert!(
            expected.iter().any(|(name, rows, _)| name == logins && *rows == 1),
            "{logins}: {expected:?}"
        );
    }
    assert!(
        expected.len() > 30
            && expected.iter().any(|(name, rows, _)| name.starts_with("car_counts_") && *rows == 50)
    );
    assert_eq!(tables(&restored).await, expected);
    let console = async |db: &PgPool| {
        let query = "SELECT action FROM audit_log WHERE username = '(command line)' AND target <> '' AND action <> 'user.create' ORDER BY audit_id";
        let deeds: Vec<String> = sqlx::query_scalar(query).fetch_all(db).await.expect("it answers");
        deeds
    };
    assert_eq!(console(&db).await, ["authority.create", "backup.create", "backup.create"]);
    let told = ["authority.create", "backup.create", "backup.restore"];
    assert_eq!(console(&restored).await, told, "the backup itself came after the dump");
    // Sequences and triggers go on where they were.
    let next = "INSERT INTO audit_log (action, detail) VALUES ('test', '{}') RETURNING audit_id > (SELECT max(audit_id) FROM audit_log)";
    assert!(sqlx::query_scalar::<_, bool>(next).fetch_one(&restored).await.expect("it takes new lines"));
    sqlx::query("DELETE FROM audit_log").execute(&restored).await.expect_err("and keeps the old ones");

    let again = run(&restored, &file("new/secret.key"), &restore).await;
    refused(&again, "the database is not empty");
    std::fs::write(file("new/secret.key"), [8; 48]).expect("there is room");
    let other_key = run(&restored, &file("new/secret.key"), &restore).await;
    refused(&other_key, "are others than in the backup");
    let mut overwrite = restore.to_vec();
    overwrite.push("--overwrite");
    let done = run(&restored, &file("new/secret.key"), &overwrite).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(
        (tables(&restored).await, std::fs::read(file("new/secret.key")).ok()),
        (expected, Some(vec![7; 48]))
    );
    drop_database(&db, restored).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn what_the_address_of_the_database_names_is_kept_and_is_there_before_it_is_needed(db: PgPool) {
    let files = [("sslrootcert", "ca.crt"), ("sslcert", "client.crt"), ("sslkey", "client.key")];
    let folder = tempfile::tempdir().expect("there is room");
    let (old, new) = (folder.path().join("of the old"), folder.path().join("of the new"));
    std::fs::create_dir(&old).expect("there is room");
    std::fs::create_dir(&new).expect("there is room");
    for (name, file) in files {
        std::fs::write(old.join(file), name).expect("there is room");
    }
    let run = async |db: &PgPool, machine: &Path, args: &[&str]| {
        let mut address = url(db);
        for (name, file) in files {
            let mark = if address.contains('?') { '&' } else { '?' };
            let path = machine.join(file).display().to_string().replace(' ', "%20");
            address = format!("{address}{mark}{name}={path}");
        }
        program(args).env("FLEXTRAFF_DATABASE__URL", address).output().await.expect("it runs")
    };
    let from = folder.path().join("backup").display().to_string();
    let made = run(&db, &old, &["backup", "--out", &from]).await;
    assert!(made.status.success(), "{made:?}");
    refused(&run(&db, &new, &["restore", "--from", &from]).await, "the database is not empty");
    for (name, file) in files {
        assert_eq!(std::fs::read_to_string(new.join(file)).expect("it had to be asked"), name);
    }
    std::fs::write(new.join("client.key"), "another").expect("it is there");
    refused(&run(&db, &new, &["restore", "--from", &from]).await, "are others than in the backup");
    let restored = another(&db, "_address").await;
    let done = run(&restored, &new, &["restore", "--from", &from, "--overwrite"]).await;
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("database.url.sslkey is in its place"), "{done:?}");
    assert_eq!(std::fs::read_to_string(new.join("client.key")).expect("it is there"), "sslkey");
    drop_database(&db, restored).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn what_is_damaged_is_refused_and_nothing_is_touched(db: PgPool) {
    let folder = tempfile::tempdir().expect("there is room");
    let (key, backup) = (folder.path().join("secret.key"), folder.path().join("backup"));
    std::fs::write(&key, [7; 48]).expect("there is room");
    let empty = another(&db, "_empty").await;
    let made = run(&empty, &key, &["device", "ca"]).await;
    let said = String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success() && said.contains("The audit log does not know of it"), "{made:?}");
    let from = backup.display().to_string();
    refused(&run(&empty, &key, &["backup", "--out", &from]).await, "none of flextraff-server's");
    refused(&run(&empty, &key, &["restore", "--from", &from]).await, "is no backup of flextraff-server");
    assert!(run(&db, &key, &["backup", "--out", &from]).await.status.success());
    let manifest = std::fs::read_to_string(backup.join("manifest.json")).expect("it is there");
    let dump = std::fs::read(backup.join("database.dump")).expect("it is there");

    std::fs::write(backup.join("database.dump"), &dump[..dump.len() / 2]).expect("there is room");
    refused(&run(&empty, &key, &["restore", "--from", &from]).await, "database.dump in");
    std::fs::write(backup.join("database.dump"), &dump).expect("there is room");
    for (part, other, text) in [
        ("\"schema\": 2", "\"schema\": 9", "comes from a newer version"),
        ("auth.secret_key_file", "../secret.key", "which no backup has"),
        ("\"format\": 1", "\"format\": 2", "has format 2"),
        ("{", "", "is damaged"),
    ] {
        std::fs::write(backup.join("manifest.json"), manifest.replacen(part, other, 1))
            .expect("there is room");
        refused(&run(&empty, &key, &["restore", "--from", &from]).await, text);
    }
    // One of before the last step, where steps are a person's.
    let last = MIGRATOR.iter().last().expect("there are steps").version.to_string();
    let older = manifest.replacen(
        &last,
        &MIGRATOR.iter().nth_back(1).expect("there are more").version.to_string(),
        1,
    );
    assert_ne!(older, manifest);
    std::fs::write(backup.join("manifest.json"), older).expect("there is room");
    let mut by_hand = program(&["restore", "--from", &from]);
    by_hand.env("FLEXTRAFF_DATABASE__URL", url(&empty)).env("FLEXTRAFF_AUTH__SECRET_KEY_FILE", &key);
    let by_hand = by_hand.env("FLEXTRAFF_DATABASE__MIGRATE", "false").output().await.expect("it runs");
    refused(&by_hand, "lacks the last steps of this version (1), and database.migrate is false");
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&empty)
        .await
        .expect("it answers");
    assert_eq!(tables, 0);
    drop_database(&db, empty).await;
}

/// The user and the database of the installation: no superuser, and since PostgreSQL 15 no other one may make tables.
#[sqlx::test(migrations = "./migrations")]
async fn the_plain_user_of_the_installation_backs_up_and_restores(db: PgPool) {
    import(&db).await;
    let folder = tempfile::tempdir().expect("there is room");
    let (key, backup) = (folder.path().join("secret.key"), folder.path().join("backup"));
    std::fs::write(&key, [7; 48]).expect("there is room");
    let from = backup.display().to_string();
    let plain = another(&db, "_plain").await;
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(&plain).await.expect("it answers");
    let role = name.clone();
    let execute = async |on: &PgPool, statement: String| {
        sqlx::query(AssertSqlSafe(statement)).execute(on).await.expect("the user of the tests may do so");
    };
    execute(&db, format!("DROP ROLE IF EXISTS \"{role}\"")).await;
    execute(&db, format!("CREATE ROLE \"{role}\" LOGIN PASSWORD 'plain'")).await;
    execute(&db, format!("ALTER DATABASE \"{name}\" OWNER TO \"{role}\"")).await;
    let options = (*plain.connect_options()).clone().username(&role).password("plain");
    let user = PgPoolOptions::new().max_connections(2).connect_with(options).await.expect("it may enter");

    for command in [["migrate"].as_slice(), &["device", "ca"]] {
        let done = run(&user, &key, command).await;
        assert!(done.status.success(), "{done:?}");
    }
    let mut connection = user.acquire().await.expect("it answers");
    junctions_table::import(&mut connection, &junctions()).await.expect("it is stored");
    drop(connection);
    let made = run(&user, &key, &["backup", "--out", &from]).await;
    assert!(made.status.success(), "{made:?}");
    let (expected, restore) = (tables(&user).await, ["restore", "--from", &from, "--overwrite"]);
    let junctions_there = |tables: &[(String, i64, Option<String>)]| {
        tables.iter().any(|(name, rows, _)| name == "junctions" && *rows == 1)
    };
    assert!(junctions_there(&expected), "{expected:?}");
    let done = run(&user, &key, &restore).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(tables(&user).await, expected);

    // The schema of a superuser, as before PostgreSQL 15 and where somebody made it anew; then also the database.
    execute(&plain, "ALTER SCHEMA public OWNER TO CURRENT_USER".to_owned()).await;
    execute(&plain, "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned()).await;
    execute(&plain, format!("GRANT USAGE ON SCHEMA public TO \"{role}\"")).await;
    let refusal = run(&user, &key, &restore).await;
    refused(&refusal, "may not make tables in the schema public");
    refused(&refusal, &format!("GRANT CREATE, USAGE ON SCHEMA public TO \"{role}\""));
    execute(&plain, format!("ALTER DATABASE \"{name}\" OWNER TO CURRENT_USER")).await;
    execute(&plain, format!("GRANT CREATE, USAGE ON SCHEMA public TO \"{role}\"")).await;
    let done = run(&user, &key, &restore).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(tables(&user).await, expected);
    execute(&plain, "ALTER TABLE lanes OWNER TO CURRENT_USER".to_owned()).await;
    refused(&run(&user, &key, &restore).await, "lanes belongs to ");
    execute(&plain, format!("ALTER TABLE lanes OWNER TO \"{role}\"")).await;
    assert_eq!(tables(&user).await, expected, "nothing was changed");

    user.close().await;
    drop_database(&db, plain).await;
    execute(&db, format!("DROP ROLE \"{role}\"")).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn overrides_and_sessions_of_the_time_of_the_backup_do_not_go_on(db: PgPool) {
    import(&db).await;
    let folder = tempfile::tempdir().expect("there is room");
    let (key, from) = (folder.path().join("secret.key"), folder.path().join("backup").display().to_string());
    std::fs::write(&key, [7; 48]).expect("there is room");
    assert!(run(&db, &key, &["device", "ca"]).await.status.success());
    for statement in [
        "INSERT INTO manual_override_history (junction_id, total_cycle_time, override_start, expires_at)
         SELECT junction_id, 60, now() - interval '1 hour', now() + interval '11 hours' FROM junctions",
        "UPDATE junctions SET current_mode = 'manual_override'",
        "INSERT INTO users (username, email, password_hash) VALUES ('asha', 'asha@city.example', '-')",
        "INSERT INTO sessions (user_id, expires_at) SELECT user_id, now() + interval '1 day' FROM users",
    ] {
        sqlx::query(statement).execute(&db).await.expect("it takes that");
    }
    let made = run(&db, &key, &["backup", "--out", &from]).await;
    assert!(made.status.success(), "{made:?}");
    let restored = another(&db, "_overrides").await;
    let done = run(&restored, &key, &["restore", "--from", &from]).await;
    let said = String::from_utf8_lossy(&done.stdout);
    let name: String =
        sqlx::query_scalar("SELECT junction_name FROM junctions").fetch_one(&restored).await.expect("one");
    let told = format!("{name}: the manual override that ran is ended");
    assert!(done.status.success() && said.contains(&told), "{done:?}");
    let ended: (bool, String, String) = sqlx::query_as(
        "SELECT override_end BETWEEN now() - interval '1 minute' AND now(), end_reason, current_mode
         FROM manual_override_history JOIN junctions USING (junction_id)",
    )
    .fetch_one(&restored)
    .await
    .expect("it is there");
    assert_eq!(ended, (true, "ended".to_owned(), "automatic".to_owned()));
    let written: bool = sqlx::query_scalar(
        "SELECT detail->'ended_overrides' = jsonb_build_array(override_id) FROM audit_log, manual_override_history
         WHERE action = 'backup.restore'",
    )
    .fetch_one(&restored)
    .await
    .expect("it is there");
    assert!(written);
    // It may have been ended since, by whoever lost a notebook.
    let sessions: Vec<bool> = sqlx::query_scalar("SELECT revoked_at IS NOT NULL FROM sessions")
        .fetch_all(&restored)
        .await
        .expect("they are there");
    assert_eq!(sessions, [true]);
    drop_database(&db, restored).await;
}
