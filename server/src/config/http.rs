//! `[http]`: where the API and the dashboard are served.

use super::Key;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// HTTP server.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Address and port to listen on.
    pub bind: SocketAddr,
    /// Pages of other origins that may call the API.
    pub cors_origins: Vec<String>,
    /// Certificate chain in PEM; set together with the key, the server then speaks HTTPS itself.
    pub tls_cert_file: Option<PathBuf>,
    /// Private key in PEM.
    pub tls_key_file: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Most requests in a minute of each user, and of each address without one.
    pub requests_per_minute: u32,
    /// Most requests that are worked on at a time.
    pub max_requests: u32,
    /// Most open connections, idle ones included.
    pub max_connections: u32,
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: bool,
    /// Whether `/metrics` is served.
    pub metrics: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8000)),
            cors_origins: vec!["http://localhost:5173".to_owned()],
            tls_cert_file: None,
            tls_key_file: None,
            trusted_proxies: Vec::new(),
            requests_per_minute: 3000,
            max_requests: 256,
            max_connections: 1024,
            docs: true,
            metrics: true,
        }
    }
}

impl Http {
    /// Whether only programs on this machine can connect.
    pub fn is_loopback(&self) -> bool {
        self.bind.ip().is_loopback()
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        section: "http",
        name: "bind",
        set: |config, given| {
            config.http.bind = given.parse("an address and port such as 127.0.0.1:8000")?;
            Ok(())
        },
        show: |config| Some(config.http.bind.to_string().into()),
    },
    Key {
        section: "http",
        name: "cors_origins",
        set: |config, given| {
            let origins: Vec<String> = given.list("an origin")?;
            if let Some(bad) = origins.iter().find(|origin| !is_origin(origin)) {
                return Err(format!(
                    "\"{bad}\" is no origin; write scheme, host and port without a path, such as https://city.example"
                ));
            }
            config.http.cors_origins = origins;
            Ok(())
        },
        show: |config| Some(config.http.cors_origins.clone().into()),
    },
    Key {
        section: "http",
        name: "tls_cert_file",
        set: |config, given| given.path().map(|path| config.http.tls_cert_file = path),
        show: |config| config.http.tls_cert_file.as_ref().map(|path| path.display().to_string().into()),
    },
    Key {
        section: "http",
        name: "tls_key_file",
        set: |config, given| given.path().map(|path| config.http.tls_key_file = path),
        show: |config| config.http.tls_key_file.as_ref().map(|path| path.display().to_string().into()),
    },
    Key {
        section: "http",
        name: "trusted_proxies",
        set: |config, given| given.list("an IP address").map(|list| config.http.trusted_proxies = list),
        show: |config| {
            let list: Vec<String> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
            Some(list.into())
        },
    },
    Key {
        section: "http",
        name: "requests_per_minute",
        set: |config, given| given.integer(1, 1_000_000).map(|most| config.http.requests_per_minute = most),
        show: |config| Some(i64::from(config.http.requests_per_minute).into()),
    },
    Key {
        section: "http",
        name: "max_requests",
        set: |config, given| given.integer(1, 100_000).map(|most| config.http.max_requests = most),
        show: |config| Some(i64::from(config.http.max_requests).into()),
    },
    Key {
        section: "http",
        name: "max_connections",
        set: |config, given| given.integer(1, 100_000).map(|most| config.http.max_connections = most),
        show: |config| Some(i64::from(config.http.max_connections).into()),
    },
    Key {
        section: "http",
        name: "docs",
        set: |config, given| given.boolean().map(|on| config.http.docs = on),
        show: |config| Some(config.http.docs.into()),
    },
    Key {
        section: "http",
        name: "metrics",
        set: |config, given| given.boolean().map(|metrics| config.http.metrics = metrics),
        show: |config| Some(config.http.metrics.into()),
    },
];

fn is_origin(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '?', '#', '*', '@']))
    })
}
