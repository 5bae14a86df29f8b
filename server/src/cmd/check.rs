//! `flextraff-server check`: whether everything that the server needs is there.

use super::say;
use super::serve::certificate::Certificate;
use crate::auth::Auth;
use crate::authority::Authority;
use crate::clock::Clock;
use crate::config::{Broker, Config};
use crate::db::backup::{self, Locks};
use crate::db::setup;
use crate::mqtt::MqttClient;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(5);

enum Finding {
    Ok(String),
    Warning(String),
    Failed(String),
}

/// Prints a line for each thing; fails when one is missing.
pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let findings = [
        ("configuration", Finding::Ok("read".to_owned())),
        ("database", database(config).await),
        ("broker", broker(config).await),
        ("signing key", signing_key(config)),
        ("certificate", certificate(config)),
        ("authority for devices", authority(config)),
    ];
    let mut code = ExitCode::SUCCESS;
    for (what, finding) in findings {
        let (word, text) = match finding {
            Finding::Ok(text) => ("Ok", text),
            Finding::Warning(text) => ("Warning", text),
            Finding::Failed(text) => {
                code = ExitCode::FAILURE;
                ("Failed", text)
            }
        };
        say(&format!("{word:8} {what}: {text}"));
    }
    Ok(code)
}

async fn database(config: &Config) -> Finding {
    let pool = match setup::connect(&config.database).await {
        Ok(pool) => pool,
        Err(error) => return Finding::Failed(format!("{error:#}")),
    };
    match setup::pending(&pool).await {
        Ok(0) => match backup::locks(&pool).await.map(Locks::wanted) {
            Ok(None) => Finding::Ok("up to date".to_owned()),
            Ok(Some(wanted)) => Finding::Warning(format!(
                "up to date, but a backup of it can only be restored where max_locks_per_transaction in postgresql.conf is {wanted}"
            )),
            Err(error) => Finding::Failed(format!("cannot ask the database for its settings: {error}")),
        },
        Ok(steps) => {
            Finding::Warning(format!("{steps} steps behind; serve takes them, or flextraff-server migrate"))
        }
        Err(error) => Finding::Failed(format!("{error:#}")),
    }
}

async fn broker(config: &Config) -> Finding {
    if let Err(error) = MqttClient::new(&config.mqtt) {
        return Finding::Failed(format!("{error:#}"));
    }
    let Some(url) = &config.mqtt.url else {
        return Finding::Warning("none is named ([mqtt] url); the server runs without one".to_owned());
    };
    if config.mqtt.dynamic_security && config.mqtt.login_name().is_none() {
        return Finding::Failed(
            "[mqtt] dynamic_security needs the account that keeps the rights: username and password_file"
                .to_owned(),
        );
    }
    match Broker::parse(url.expose()) {
        Ok(broker) => {
            match timeout(PATIENCE, TcpStream::connect((broker.host.as_str(), broker.port))).await {
                Ok(Ok(_)) => Finding::Ok(format!("{}:{} answers", broker.host, broker.port)),
                Ok(Err(error)) => Finding::Warning(format!("{}:{}: {error}", broker.host, broker.port)),
                Err(_) => Finding::Warning(format!("{}:{} does not answer", broker.host, broker.port)),
            }
        }
        Err(error) => Finding::Failed(error),
    }
}

fn signing_key(config: &Config) -> Finding {
    match &config.auth.secret_key_file {
        Some(_) => match Auth::open(config) {
            Ok(_) => Finding::Ok("it can be read, and is long enough".to_owned()),
            Err(error) => Finding::Failed(format!("{error:#}")),
        },
        None if config.http.is_loopback() => Finding::Warning(
            "none is named ([auth] secret_key_file); sessions end with each restart".to_owned(),
        ),
        None => Finding::Failed(format!(
            "[auth] secret_key_file must be set when http.bind is {}, which others can reach",
            config.http.bind
        )),
    }
}

fn certificate(config: &Config) -> Finding {
    match (&config.http.tls_cert_file, &config.http.tls_key_file) {
        (Some(cert), Some(key)) => match Certificate::read(cert, key) {
            Ok(_) => Finding::Ok("it can be read, and belongs to its key".to_owned()),
            Err(error) => Finding::Failed(format!("{error:#}")),
        },
        _ if config.http.is_loopback() => Finding::Ok("none needed on this machine".to_owned()),
        _ => Finding::Warning("none; others can read what passes unless a proxy encrypts it".to_owned()),
    }
}

fn authority(config: &Config) -> Finding {
    match Authority::open(&config.devices) {
        Ok(None) => {
            Finding::Ok("none is named ([devices] ca_cert_file); devices enrol for passwords".to_owned())
        }
        Ok(Some(authority)) if authority.not_after() <= Clock.utc() => Finding::Failed(
            "its certificate has expired; make another with flextraff-server device ca".to_owned(),
        ),
        Ok(Some(_)) if !config.mqtt.dynamic_security => Finding::Warning(
            "devices enrol only with [mqtt] dynamic_security, which keeps their rights at the broker"
                .to_owned(),
        ),
        Ok(Some(authority)) => {
            Finding::Ok(format!("it can sign until {}", authority.not_after().format("%Y-%m-%d")))
        }
        Err(error) => Finding::Failed(format!("{error:#}")),
    }
}
