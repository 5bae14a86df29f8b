//! The private PostgreSQL and Mosquitto that `scripts/with-services` hands over in the environment.

use anyhow::{Context, Result, anyhow};
use rustix::process::Pid;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

/// What the environment says of both.
#[derive(Debug)]
pub(super) struct Services {
    pub(super) database: Database,
    pub(super) mqtt_port: u16,
    pub(super) mosquitto: Pid,
    /// The broker's configuration.
    pub(super) config: PathBuf,
    pub(super) passwords: PathBuf,
    pub(super) rights: PathBuf,
}

/// Parts of a PostgreSQL address.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) host: String,
    pub(super) port: String,
    pub(super) name: String,
}

/// Without the password.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:{}/{}", self.user, self.host, self.port, self.name)
    }
}

impl Services {
    /// Reads the environment through `var`.
    ///
    /// # Errors
    /// Names the variable that is missing or unusable.
    pub(super) fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let get = |name: &str| {
            var(name).ok_or_else(|| {
                anyhow!("{name} is not set; start the demo through scripts/demo or scripts/with-services")
            })
        };
        let url = get("FLEXTRAFF_DATABASE__URL")?;
        let number = |name: &str| -> Result<i32> {
            get(name)?.parse().with_context(|| format!("{name} is no number"))
        };
        let pid = number("FLEXTRAFF_MOSQUITTO_PID")?;
        Ok(Self {
            database: Database::parse(&url).context(
                "FLEXTRAFF_DATABASE__URL is no address of the form postgresql://user:password@host:port/name",
            )?,
            mqtt_port: u16::try_from(number("FLEXTRAFF_MOSQUITTO_PORT")?)
                .context("FLEXTRAFF_MOSQUITTO_PORT is no port")?,
            mosquitto: Pid::from_raw(pid)
                .filter(|_| pid > 1)
                .context("FLEXTRAFF_MOSQUITTO_PID is no process id")?,
            config: get("FLEXTRAFF_MOSQUITTO_CONF")?.into(),
            passwords: get("FLEXTRAFF_MOSQUITTO_PASSWD")?.into(),
            rights: get("FLEXTRAFF_MOSQUITTO_ACL")?.into(),
        })
    }
}

impl Services {
    /// Where the broker keeps what it knows of its clients.
    pub(super) fn broker_memory(&self) -> PathBuf {
        self.config.with_file_name("data").join("mosquitto.db")
    }

    /// How often PostgreSQL has said that its disk is full.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub(super) fn writes_without_room(&self) -> Result<u64> {
        let log = self.config.with_file_name("../postgres.log");
        let file = File::open(&log).with_context(|| format!("opening {}", log.display()))?;
        let mut times = 0;
        for line in BufReader::new(file).split(b'\n') {
            let line = line.with_context(|| format!("reading {}", log.display()))?;
            times += u64::from(String::from_utf8_lossy(&line).contains("No space left on device"));
        }
        Ok(times)
    }
}

impl Database {
    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("postgresql://").or_else(|| url.strip_prefix("postgres://"))?;
        let (credentials, address) = rest.rsplit_once('@')?;
        let (user, password) = credentials.split_once(':')?;
        let (host, name) = address.split_once('/')?;
        let (host, port) = host.rsplit_once(':').unwrap_or((host, "5432"));
        let name = name.split('?').next().unwrap_or_default();
        Some(Self {
            user: unescape(user)?,
            password: unescape(password)?,
            host: unescape(host)?,
            port: port.to_owned(),
            name: unescape(name)?,
        })
    }
}

/// Undoes percent-encoding.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_apart() {
        let database =
            Database::parse("postgresql://flex:a%40b%2Fc@127.0.0.1:5433/city?sslmode=disable").unwrap();
        assert_eq!(
            (database.user.as_str(), database.password.as_str(), database.host.as_str()),
            ("flex", "a@b/c", "127.0.0.1")
        );
        assert_eq!((database.port.as_str(), database.name.as_str()), ("5433", "city"));
        assert!(!format!("{database:?}").contains("a@b"));
        for bad in ["", "mysql://a:b@c/d", "postgresql://a@c/d", "postgresql://a:%zz@c/d"] {
            assert_eq!(Database::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_missing_variable_is_named_with_the_way_out() {
        let error = Services::read(|_| None).unwrap_err().to_string();
        assert!(error.contains("FLEXTRAFF_DATABASE__URL") && error.contains("scripts/demo"), "{error}");
        let services = Services::read(|name| {
            Some(match name {
                "FLEXTRAFF_DATABASE__URL" => "postgresql://a:b@c:1/d".to_owned(),
                "FLEXTRAFF_MOSQUITTO_PID" => "0".to_owned(),
                "FLEXTRAFF_MOSQUITTO_PORT" => "1883".to_owned(),
                other => format!("/tmp/{other}"),
            })
        });
        assert!(services.unwrap_err().to_string().contains("FLEXTRAFF_MOSQUITTO_PID"));
    }
}
