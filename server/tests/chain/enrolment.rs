//! A new machine spends its token, and from then on its counts come in.

use crate::road::vehicle;
use crate::world::{DEVICE, World};
use sqlx::PgPool;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

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
    let server = format!("http://127.0.0.1:{}", world.port);
    let mut command = world.site.agent_command(&["enroll", "--server", &server]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the agent's program runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(format!("{token}\n").as_bytes()).expect("it listens");
    child.wait_with_output().expect("it ends")
}
