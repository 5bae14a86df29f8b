//! `[mqtt]`.

use super::errors::At;
use super::table::Table;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// How to reach the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted (`mqtts://`).
    pub tls: bool,
    /// User name; usually the device id.
    pub username: Option<String>,
    /// Password, as it was when the configuration was read.
    pub password: Option<Secret>,
    /// Where the password comes from, if not from the URL; the link reads it anew for each connection.
    pub password_file: Option<PathBuf>,
    /// Certificate authority to trust instead of the public ones, PEM.
    pub ca_file: Option<PathBuf>,
    /// Client certificate, PEM.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
}

impl MqttConfig {
    /// Whether others on the way to the broker can listen and talk: it is neither on this machine nor reached by TLS.
    pub fn is_exposed(&self) -> bool {
        let host = self.host.trim_end_matches('.');
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        !self.tls && !is_here
    }
}

/// A text that never shows itself in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Longest password file, bytes.
const LONGEST_PASSWORD: u64 = 4096;

/// Reads `[mqtt]`; without it the agent works alone.
pub(super) fn read_mqtt(root: &mut Table<'_>) -> Option<MqttConfig> {
    let mut table = root.table("mqtt", "[mqtt]");
    if !table.is_present() {
        return None;
    }
    let given = table.place("url") != table.at;
    let url = table.text("url");
    if !given {
        table.missing("url", "\"mqtts://broker.example.org:8883\"");
    }
    let broker = url.and_then(|url| {
        let parsed = Broker::parse(&url.value);
        if let Err(what) = &parsed {
            let shown = without_password(&url.value);
            let message = format!("url of [mqtt] is \"{shown}\", {what}; write it as \"mqtt://host:1883\" or \"mqtts://host:8883\"");
            table.report.add(url.at, message);
        }
        parsed.ok()
    });
    let username = table.text("username");
    let password_file = table.path_to("password_file");
    let files = ["ca_file", "cert_file", "key_file"].map(|key| table.path_to(key));
    let password = password_file.as_ref().map(|file| read_password(&mut table, file));
    if let Some(broker) = &broker {
        check_combination(&table, broker, username.as_ref(), password_file.as_ref(), &files);
    }
    if let [_, Some(lone), None] | [_, None, Some(lone)] = &files {
        table.report.add(lone.at, "cert_file and key_file of [mqtt] belong together; give both or none");
    }
    table.finish();
    let [ca_file, cert_file, key_file] = files.map(|file| file.map(|file| file.value));
    broker.map(|broker| MqttConfig {
        host: broker.host,
        port: broker.port,
        tls: broker.tls,
        username: username.map(|name| name.value).or(broker.username),
        password: password.or(broker.password),
        password_file: password_file.map(|file| file.value),
        ca_file,
        cert_file,
        key_file,
    })
}

fn check_combination(
    table: &Table<'_>,
    broker: &Broker,
    username: Option<&At<String>>,
    password_file: Option<&At<PathBuf>>,
    files: &[Option<At<PathBuf>>; 3],
) {
    if let (Some(username), Some(_)) = (username, &broker.username) {
        table.report.add(username.at, "username of [mqtt] stands in url too; keep one");
    }
    if let (Some(file), Some(_)) = (password_file, &broker.password) {
        table
            .report
            .add(file.at, "url of [mqtt] has a password, and there is password_file; keep password_file");
    }
    if let (Some(file), None, None) = (password_file, username, &broker.username) {
        table.report.add(file.at, "password_file of [mqtt] has no user; add username");
    }
    for file in files.iter().flatten().filter(|_| !broker.tls) {
        table.report.add(
            file.at,
            "certificates of [mqtt] need an encrypted connection; write mqtts:// in url, or take them out",
        );
    }
}

/// There is to be a password: without one the configuration is the same but for that.
fn read_password(table: &mut Table<'_>, file: &At<PathBuf>) -> Secret {
    let problem = match read_password_file(&file.value) {
        Ok(password) => return password,
        Err(problem) => problem,
    };
    let shown = file.value.display();
    table
        .report
        .add_of_link(file.at, format!("password_file of [mqtt], {shown}, gives no password: {problem}"));
    Secret(String::new())
}

/// The password in a file that holds nothing else; a line end behind it does not belong to it.
///
/// # Errors
/// Why there is none, and what to do.
pub fn read_password_file(file: &Path) -> Result<Secret, String> {
    let read = || {
        let mut text = String::new();
        File::open(file)?.take(LONGEST_PASSWORD + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error: io::Error| {
        format!("{error}; write the password into it, readable for the user flextraff")
    })?;
    if text.len() as u64 > LONGEST_PASSWORD {
        return Err(format!("it has more than {LONGEST_PASSWORD} bytes; it holds the password alone"));
    }
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err("it is empty; write the password into it".to_owned());
    }
    Ok(Secret(password.to_owned()))
}

/// What the URL says.
#[derive(Debug, PartialEq, Eq)]
struct Broker {
    tls: bool,
    host: String,
    port: u16,
    username: Option<String>,
    password: Option<Secret>,
}

impl Broker {
    /// Reads `mqtt://` or `mqtts://`, optionally `user:password@`, a host, optionally `:port`.
    fn parse(url: &str) -> Result<Self, &'static str> {
        let (tls, rest) = match url.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err("which does not begin with mqtt:// or mqtts://"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err("which goes on after the port");
        }
        let (user, address) =
            rest.rsplit_once('@').map_or((None, rest), |(user, address)| (Some(user), address));
        let (host, port) = match address.strip_prefix('[') {
            Some(six) => {
                let (host, port) = six.split_once(']').ok_or("whose [ is not closed")?;
                (host, port.strip_prefix(':'))
            }
            None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err("which names no host");
        }
        let port = match port {
            None => {
                if tls {
                    8883
                } else {
                    1883
                }
            }
            Some(port) => {
                port.parse().ok().filter(|port| *port > 0).ok_or("whose port is no number from 1 to 65535")?
            }
        };
        let (username, password) = match user {
            None => (None, None),
            Some(user) => {
                let (name, password) =
                    user.split_once(':').map_or((user, None), |(name, password)| (name, Some(password)));
                let decode =
                    |text| percent_decoded(text).ok_or("in whose user or password a % begins no code");
                (Some(decode(name)?), password.map(decode).transpose()?.map(Secret))
            }
        };
        Ok(Self { tls, host: host.to_owned(), port, username, password })
    }
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, address))) => format!("{scheme}://***@{address}"),
        (None, Some((_, address))) => format!("***@{address}"),
        (_, None) => url.to_owned(),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [char::from(rest.next()?), char::from(rest.next()?)];
            let [high, low] = digits.map(|digit| digit.to_digit(16));
            bytes.push((high? * 16 + low?) as u8);
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
    fn a_url_may_hold_user_password_and_port_or_none_of_them() {
        let broker = Broker::parse("mqtts://junction%207:p%40ss:w@[::1]:9000/").unwrap();
        assert_eq!(broker.host, "::1");
        assert_eq!(broker.port, 9000);
        assert!(broker.tls);
        assert_eq!(broker.username.as_deref(), Some("junction 7"));
        assert_eq!(broker.password, Some(Secret("p@ss:w".to_owned())));
        let broker = Broker::parse("mqtt://broker").unwrap();
        assert_eq!((broker.host.as_str(), broker.port, broker.tls), ("broker", 1883, false));
        assert_eq!(Broker::parse("mqtts://broker").unwrap().port, 8883);
    }

    #[test]
    fn what_is_no_url_is_named_without_its_password() {
        assert_eq!(Broker::parse("http://x"), Err("which does not begin with mqtt:// or mqtts://"));
        assert_eq!(Broker::parse("mqtt://:1883"), Err("which names no host"));
        assert_eq!(Broker::parse("mqtt://h:x"), Err("whose port is no number from 1 to 65535"));
        assert_eq!(Broker::parse("mqtt://u:%zz@h"), Err("in whose user or password a % begins no code"));
        assert_eq!(without_password("mqtt://u:secret@h:x"), "mqtt://***@h:x");
        assert_eq!(without_password("u:secret@h"), "***@h");
    }

    #[test]
    fn a_connection_that_leaves_the_machine_is_to_be_encrypted() {
        let is_exposed = |url| {
            let broker = Broker::parse(url).unwrap();
            let mqtt = MqttConfig {
                host: broker.host,
                port: broker.port,
                tls: broker.tls,
                username: None,
                password: None,
                password_file: None,
                ca_file: None,
                cert_file: None,
                key_file: None,
            };
            mqtt.is_exposed()
        };
        for open in
            ["mqtt://broker", "mqtt://10.0.0.7:1883", "mqtt://[2001:db8::1]", "mqtt://localhost.example.org"]
        {
            assert!(is_exposed(open), "{open}");
        }
        for closed in [
            "mqtts://broker",
            "mqtt://localhost",
            "mqtt://127.0.0.2",
            "mqtt://[::1]",
            "mqtt://[::ffff:127.0.0.1]",
        ] {
            assert!(!is_exposed(closed), "{closed}");
        }
    }
}
