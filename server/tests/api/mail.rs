//! Alarms by mail, at a server that speaks SMTP.

use crate::state::TestState;
use chrono::Duration as Days;
use flextraff_server::alarms::Notifier;
use flextraff_server::clock::Clock;
use flextraff_server::config::{Alarms, Secret};
use sqlx::PgPool;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// What a mail server was given: every line of a conversation.
type Conversation = Vec<String>;

/// A mail server whose first answers to the end of a mail are these; then it takes everything. Its address, and each conversation.
fn mail_server(answers: &'static [&'static str]) -> (String, mpsc::Receiver<Conversation>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answers = answers.iter();
        for stream in listener.incoming().flatten() {
            let said = converse(&stream, &mut answers).unwrap_or_default();
            if sender.send(said).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

/// RFC 5321, as far as a mail needs it, with the log-in of RFC 4954.
fn converse(
    stream: &TcpStream,
    answers: &mut std::slice::Iter<'_, &'static str>,
) -> std::io::Result<Conversation> {
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
    let (mut said, mut in_mail) = (Vec::new(), false);
    writer.write_all(b"220 mail.example ESMTP\r\n")?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(said);
        }
        let line = line.trim_end().to_owned();
        let answer = match (in_mail, line.split(' ').next().unwrap_or_default()) {
            (true, ".") => Some(answers.next().copied().unwrap_or("250 taken")),
            (true, _) => None,
            (false, "EHLO") => Some("250-mail.example\r\n250 AUTH PLAIN"),
            (false, "AUTH") => Some("235 welcome"),
            (false, "DATA") => Some("354 go on"),
            (false, "QUIT") => Some("221 bye"),
            (false, _) => Some("250 ok"),
        };
        in_mail = line == "DATA" || in_mail && line != ".";
        let last = !in_mail && line == "QUIT";
        let ended = line == ".";
        said.push(line);
        if let Some(answer) = answer {
            writer.write_all(format!("{answer}\r\n").as_bytes())?;
        }
        // A client may keep the connection for its next mail.
        if last || ended {
            return Ok(said);
        }
    }
}

#[sqlx::test]
async fn a_mail_that_is_not_taken_is_sent_again_to_everybody_under_the_servers_own_login(db: PgPool) {
    let (state, admin) = TestState::with_admin(db.clone()).await;
    let junction = state.junction(&admin, "Main").await;
    sqlx::query(
        "INSERT INTO edge_devices (device_id, junction_id, last_heartbeat, last_status) VALUES ($1, $2::uuid, $3, '{\"online\": true}')",
    )
    .bind(Uuid::from_u128(0xd1))
    .bind(&junction)
    .bind(Clock.utc() - Days::seconds(91))
    .execute(&db)
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "open sesame\n").unwrap();
    let (address, told) = mail_server(&["451 come back later"]);
    let config = Alarms {
        smtp_url: Some(Secret::new(format!("smtp://ops%40city@{address}"))),
        smtp_password_file: Some(password),
        mail_from: Some("FlexTraff <alarms@city.example>".into()),
        mail_to: vec!["control@city.example".into(), "Asha <asha@city.example>".into()],
        ..Alarms::default()
    };
    let (_statuses, receiver) = tokio::sync::mpsc::channel(4);
    let (_stop, stopped) = watch::channel(false);
    let notifier = Notifier::start(&config).unwrap();
    tokio::spawn(flextraff_server::alarms::run(
        state.app.clone(),
        Clock,
        state.has_heard(),
        receiver,
        notifier,
        stopped,
    ));

    let (first, second) = tokio::task::spawn_blocking(move || {
        let next = || told.recv_timeout(Duration::from_secs(20)).unwrap();
        (next(), next())
    })
    .await
    .unwrap();
    for mail in [first.join("\n"), second.join("\n")] {
        // The user and the password of the file, each behind a zero byte.
        for part in [
            "AUTH PLAIN AG9wc0BjaXR5AG9wZW4gc2VzYW1l",
            "MAIL FROM:<alarms@city.example>",
            "RCPT TO:<control@city.example>",
            "RCPT TO:<asha@city.example>",
            "Subject: [FlexTraff] error: device offline at Main",
            "The device is not heard since",
            "Junction: Main",
            &format!("Device: {}", Uuid::from_u128(0xd1)),
        ] {
            assert!(mail.contains(part), "{part}\n{mail}");
        }
    }
}
