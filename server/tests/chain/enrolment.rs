//! A new machine spends its token, and from then on its counts come in.

use crate::process::until;
use crate::road::vehicle;
use crate::world::{DEVICE, JUNCTION, LANES, World};
use flextraff_common::wire::topics::Topic;
use flextraff_server::clock::Clock;
use serde_json::json;
use sqlx::PgPool;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[sqlx::test(migrations = false)]
async fn a_machine_without_login_gets_one_and_counts(db: PgPool) {
    let mut world = World::without_login(db).await;
    let refused = enroll(&world, "a token that nobody made");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("the first line of standard input is no token"), "{said}");

    let token = token(&world);
    let done = enroll(&world, &token);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(!said.contains(&token));
    let folder = world.site.folder().to_owned();
    let rights = |file: &Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
    let (login, password) = (folder.join("config.d/50-broker.toml"), folder.join("mqtt-password"));
    assert_eq!((rights(&login), rights(&password)), (0o640, 0o640));
    let before = std::fs::read(&password).unwrap();

    // It works once.
    let again = enroll(&world, &token);
    let said = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(1), "{said}");
    assert!(said.contains("the server refuses: "), "{said}");
    assert_eq!(std::fs::read(&password).unwrap(), before);

    world.start_agent().await;
    let vehicles = [vehicle(1)];
    world.site.reader.pass(1, &vehicles[0]).await;
    world.each_counted_once(&vehicles).await;
}

#[sqlx::test(migrations = false)]
async fn a_machine_shows_its_certificate_and_an_ended_one_may_do_nothing(db: PgPool) {
    let mut world = World::with_certificates(db).await;
    let folder = world.site.folder().to_owned();
    let mode = |file: &str| std::fs::metadata(folder.join(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("device-ca.key"), 0o600);
    let again = world.server_command(&["device", "ca"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.code() == Some(1) && said.contains("is there already"), "{said}");

    // What can fail before the token is spent does not spend it.
    let first = token(&world);
    let nothing = folder.join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    let mut command = world.site.agent_command(&[]);
    command.env("PATH", &nothing);
    let refused = enroll_by(command, &world, &first, &["--certificate"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("apt-get install openssl"), "{said}");
    assert!(!folder.join("device.pem").exists());

    let done = enroll_by(world.site.agent_command(&[]), &world, &first, &["--certificate"]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert_eq!((mode("device.pem"), folder.join("device.pem.pending").exists()), (0o640, false));
    let before = std::fs::read_to_string(folder.join("device.pem")).unwrap();
    assert!(before.contains("BEGIN CERTIFICATE") && before.contains("BEGIN PRIVATE KEY"));
    let login = std::fs::read_to_string(folder.join("config.d/50-broker.toml")).unwrap();
    assert!(login.contains("mqtts://localhost") && !login.contains("password"), "{login}");
    world.start_agent().await;
    world.site.reader.pass(1, &vehicle(1)).await;
    world.each_counted_once(&[vehicle(1)]).await;

    // Another machine; the old one is thrown out and keeps what it counts.
    std::fs::copy(folder.join("device.pem"), folder.join("old.pem")).unwrap();
    let second = token(&world);
    until("the certificate ends", async || is_refused(&world, "old.pem").then_some(())).await;
    world.site.reader.pass(1, &vehicle(2)).await;
    let kept = enroll_by(world.site.agent_command(&[]), &world, "0f", &["--certificate"]);
    assert_eq!(kept.status.code(), Some(1));
    assert_eq!(
        std::fs::read_to_string(folder.join("device.pem")).unwrap(),
        before,
        "a refusal changes nothing"
    );
    let done = enroll_by(world.site.agent_command(&[]), &world, &second, &["--certificate"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    // Without a restart, because certificates are read anew for each connection.
    world.each_counted_once(&[vehicle(2)]).await;

    assert!(is_refused(&world, "old.pem"));
    let forged = forged();
    let counts = Topic::CarCounts(JUNCTION, LANES[0]).to_string();
    world.broker.showing("mosquitto_pub", "old.pem", &["-t", &counts, "-m", &forged]);
    world.site.reader.pass(1, &vehicle(3)).await;
    world.each_counted_once(&[vehicle(3)]).await;
    assert_eq!(world.counted(&vehicle(9)).await, 0, "who shows an ended certificate tells nobody anything");
    world.broker.publish(&counts, &forged);
    until("the same from somebody who may", async || (world.counted(&vehicle(9)).await == 1).then_some(()))
        .await;

    world.site.take_agent().kill();
    assert!(!is_refused(&world, "device.pem"));
    let revoked = world.server_command(&["device", "revoke", "--device", &DEVICE.to_string()]).output();
    assert!(revoked.expect("it runs").status.success());
    until("revocation ends it", async || is_refused(&world, "device.pem").then_some(())).await;
}

/// Whether the broker refuses whoever shows this certificate: the connection, or what it asks for.
fn is_refused(world: &World, file: &str) -> bool {
    let topic = Topic::Ack(JUNCTION, DEVICE).to_string();
    let mut heard = String::new();
    // On a busy machine a second may pass without the broker's answer.
    for _ in 0..20 {
        let output = world.broker.showing("mosquitto_sub", file, &["-d", "-t", &topic, "-W", "1"]);
        let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if said.contains("denied") || said.contains("not authorised") {
            return true;
        }
        if told.contains("Subscribed") {
            return false;
        }
        heard = format!("{told}{said}");
    }
    panic!("the broker does not answer: {heard}");
}

/// Counts as another program would send them.
fn forged() -> String {
    let counts = json!({
        "junction_id": JUNCTION, "lane_id": LANES[0], "vehicle_count": 1, "epc_ids": [vehicle(9)],
        "timestamp": Clock.utc(),
    });
    counts.to_string()
}

/// A one-time token for the device, as an administrator gets it.
fn token(world: &World) -> String {
    let told = world.server_command(&["device", "replace", "--device", &DEVICE.to_string()]).output();
    let told = told.expect("the server's program runs");
    let text = String::from_utf8(told.stdout).expect("it is text");
    assert!(told.status.success(), "{text}{}", String::from_utf8_lossy(&told.stderr));
    let token = text.lines().find_map(|line| line.strip_prefix("token"));
    token.expect("it prints a token").trim().to_owned()
}

fn enroll(world: &World, token: &str) -> Output {
    enroll_by(world.site.agent_command(&[]), world, token, &[])
}

fn enroll_by(mut command: Command, world: &World, token: &str, more: &[&str]) -> Output {
    let server = format!("http://127.0.0.1:{}", world.port);
    command.args(["enroll", "--server", &server]).args(more);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the agent's program runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    // Who fails before it asks for the token does not read it.
    let _ = stdin.write_all(format!("{token}\n").as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}
