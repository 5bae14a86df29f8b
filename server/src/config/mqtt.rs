//! `[mqtt]`: the broker.

use super::{Key, Secret};
use std::path::PathBuf;

/// The broker; without an address the server runs without one.
#[derive(Clone, Debug, PartialEq)]
pub struct Mqtt {
    /// Address, such as `mqtt://localhost:1883` or `mqtts://broker.example`; may carry user name and password.
    pub url: Option<Secret>,
    /// Address at which devices reach the broker; absent: that of `url`.
    pub device_url: Option<String>,
    /// Name under which the broker keeps what arrives while the server is away; must stay the same.
    pub client_id: String,
    /// User name; wins over the one in the address.
    pub username: Option<String>,
    /// File with the password, its last line break ignored.
    pub password_file: Option<PathBuf>,
    /// Certificates that vouch for the broker; absent: those of the system.
    pub ca_file: Option<PathBuf>,
    /// The server's own certificate.
    pub cert_file: Option<PathBuf>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
    /// Whether the server keeps the logins and rights of devices at the broker, by Mosquitto's plugin for dynamic security.
    pub dynamic_security: bool,
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            url: None,
            device_url: None,
            client_id: "flextraff-server".to_owned(),
            username: None,
            password_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            dynamic_security: false,
        }
    }
}

impl Mqtt {
    /// The server's own user name at the broker; `None`: it has none.
    pub fn login_name(&self) -> Option<String> {
        let in_address = || Broker::parse(self.url.as_ref()?.expose()).ok()?.username;
        self.username.clone().or_else(in_address)
    }

    /// The address that stands in the files of devices, without a login; `None` without a broker.
    pub fn device_address(&self) -> Option<String> {
        if let Some(url) = &self.device_url {
            return Some(url.clone());
        }
        let Broker { host, port, tls, .. } = Broker::parse(self.url.as_ref()?.expose()).ok()?;
        let scheme = if tls { "mqtts" } else { "mqtt" };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Some(format!("{scheme}://{host}:{port}"))
    }
}

/// What an address of a broker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// Port; 1883, or 8883 with TLS, when the address names none.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// User name in the address.
    pub username: Option<String>,
    /// Password in the address.
    pub password: Option<Secret>,
}

impl Broker {
    /// Reads `mqtt://[user[:password]@]host[:port]`, or `mqtts://` for TLS.
    ///
    /// # Errors
    /// A sentence that does not repeat the address, because it may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        const FORM: &str = "an address of a broker is written as mqtt://host:1883 or mqtts://host:8883";
        let (tls, rest) = match url.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err(FORM.to_owned()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, rest),
        };
        let default_port = if tls { 8883 } else { 1883 };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("the port is no number from 1 to 65535; {FORM}"))?)
            }
            _ => (address, default_port),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
            return Err(FORM.to_owned());
        }
        let (username, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            None => (None, None),
            Some((user, password)) => {
                let password = percent_decode(password)?;
                (Some(percent_decode(user)?), (!password.is_empty()).then(|| Secret::new(password)))
            }
        };
        Ok(Self { host: host.to_owned(), port, tls, username, password })
    }
}

fn percent_decode(text: &str) -> Result<String, String> {
    const WRONG: &str = "user name or password in the address has a % without two hex digits of UTF-8";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(WRONG);
            let (high, low) = (digit()?, digit()?);
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| WRONG.to_owned())
}

pub(super) const KEYS: &[Key] = &[
    Key {
        section: "mqtt",
        name: "url",
        set: |config, given| {
            let text = given.text()?;
            config.mqtt.url = if text.is_empty() {
                None
            } else {
                Broker::parse(&text)?;
                Some(Secret::new(text))
            };
            Ok(())
        },
        show: |config| config.mqtt.url.as_ref().map(|url| url.masked_url().into()),
    },
    Key {
        section: "mqtt",
        name: "device_url",
        set: |config, given| {
            let text = given.text()?;
            if !text.is_empty() && Broker::parse(&text)?.username.is_some() {
                return Err("each device has a login of its own: leave user and password out of the address"
                    .to_owned());
            }
            config.mqtt.device_url = (!text.is_empty()).then_some(text);
            Ok(())
        },
        show: |config| config.mqtt.device_url.clone().map(Into::into),
    },
    Key {
        section: "mqtt",
        name: "client_id",
        set: |config, given| {
            let id = given.text()?;
            if id.is_empty() || id.chars().count() > 200 || id.chars().any(char::is_control) {
                return Err("a client id has 1 to 200 characters".to_owned());
            }
            config.mqtt.client_id = id;
            Ok(())
        },
        show: |config| Some(config.mqtt.client_id.clone().into()),
    },
    Key {
        section: "mqtt",
        name: "username",
        set: |config, given| {
            given.text().map(|name| config.mqtt.username = (!name.is_empty()).then_some(name))
        },
        show: |config| config.mqtt.username.clone().map(Into::into),
    },
    Key {
        section: "mqtt",
        name: "password_file",
        set: |config, given| given.path().map(|path| config.mqtt.password_file = path),
        show: |config| config.mqtt.password_file.as_ref().map(|path| path.display().to_string().into()),
    },
    Key {
        section: "mqtt",
        name: "ca_file",
        set: |config, given| given.path().map(|path| config.mqtt.ca_file = path),
        show: |config| config.mqtt.ca_file.as_ref().map(|path| path.display().to_string().into()),
    },
    Key {
        section: "mqtt",
        name: "cert_file",
        set: |config, given| given.path().map(|path| config.mqtt.cert_file = path),
        show: |config| config.mqtt.cert_file.as_ref().map(|path| path.display().to_string().into()),
    },
    Key {
        section: "mqtt",
        name: "key_file",
        set: |config, given| given.path().map(|path| config.mqtt.key_file = path),
        show: |config| config.mqtt.key_file.as_ref().map(|path| path.display().to_string().into()),
    },
    Key {
        section: "mqtt",
        name: "dynamic_security",
        set: |config, given| given.boolean().map(|on| config.mqtt.dynamic_security = on),
        show: |config| Some(config.mqtt.dynamic_security.into()),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_and_without_login_and_port() {
        let broker = Broker::parse("mqtt://city:p%40ss@[::1]:1884").unwrap();
        assert_eq!((broker.host.as_str(), broker.port, broker.tls), ("::1", 1884, false));
        assert_eq!(broker.username.as_deref(), Some("city"));
        assert_eq!(broker.password.unwrap().expose(), "p@ss");
        assert_eq!(Broker::parse("mqtts://b.example/").unwrap().port, 8883);
        let devices =
            |url: &str| Mqtt { url: Some(Secret::new(url.to_owned())), ..Mqtt::default() }.device_address();
        assert_eq!(devices("mqtts://u:p@[::1]").as_deref(), Some("mqtts://[::1]:8883"));
        for wrong in ["", "localhost", "http://h", "mqtt://", "mqtt://h:x", "mqtt://u:%4@h", "mqtt://h/p"] {
            assert!(Broker::parse(wrong).is_err(), "{wrong}");
        }
    }
}
