//! `[database]`: PostgreSQL.

use super::{Key, Secret};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// PostgreSQL.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Address, such as `postgresql://flextraff@localhost/flextraff`; there is no default.
    pub url: Option<Secret>,
    /// Most connections at a time, but for those of the road.
    pub max_connections: u32,
    /// Most connections at a time for what the road waits for.
    pub road_connections: u32,
    /// Whether `serve` brings the schema up to date by itself.
    pub migrate: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: None, max_connections: 16, road_connections: 8, migrate: true }
    }
}

/// No address of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no database is named; set url in the [database] section or the environment variable FLEXTRAFF_DATABASE__URL, such as postgresql://flextraff@localhost/flextraff; where the service has it in /etc/flextraff/server.env: set -a; . /etc/flextraff/server.env; set +a"
)]
pub struct NoDatabase;

impl Database {
    /// The same database with the connections of the road.
    #[must_use]
    pub fn for_the_road(&self) -> Self {
        Self { max_connections: self.road_connections, ..self.clone() }
    }

    /// The address.
    ///
    /// # Errors
    /// Says where to set it when there is none.
    pub fn url(&self) -> Result<&Secret, NoDatabase> {
        self.url.as_ref().ok_or(NoDatabase)
    }

    /// The files that the address names, by the parameters that do.
    pub fn files(&self) -> BTreeMap<&'static str, PathBuf> {
        let url = self.url.as_ref().map_or("", Secret::expose);
        let query = url.split('#').next().and_then(|url| url.split_once('?')).map_or("", |(_, query)| query);
        let mut files = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let name = match &*name {
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "sslrootcert",
                "sslcert" | "ssl-cert" => "sslcert",
                "sslkey" | "ssl-key" => "sslkey",
                _ => continue,
            };
            // What is no file stands there itself.
            if !value.trim_start().starts_with("-----BEGIN") {
                files.insert(name, PathBuf::from(&*value));
            }
        }
        files
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        section: "database",
        name: "url",
        set: |config, given| {
            let text = given.text()?;
            if !text.starts_with("postgresql://") && !text.starts_with("postgres://") {
                return Err("an address of PostgreSQL starts with postgresql://".to_owned());
            }
            config.database.url = Some(Secret::new(text));
            Ok(())
        },
        show: |config| config.database.url.as_ref().map(|url| url.masked_url().into()),
    },
    Key {
        section: "database",
        name: "max_connections",
        set: |config, given| given.integer(4, 500).map(|most| config.database.max_connections = most),
        show: |config| Some(i64::from(config.database.max_connections).into()),
    },
    Key {
        section: "database",
        name: "road_connections",
        // Two store counts, one plans, one listens to other servers, and one is for who sets a mode.
        set: |config, given| given.integer(5, 500).map(|most| config.database.road_connections = most),
        show: |config| Some(i64::from(config.database.road_connections).into()),
    },
    Key {
        section: "database",
        name: "migrate",
        set: |config, given| given.boolean().map(|migrate| config.database.migrate = migrate),
        show: |config| Some(config.database.migrate.into()),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_names_files_in_either_spelling() {
        let files = |url: &str| {
            let database = Database { url: Some(Secret::new(url)), ..Database::default() };
            database
                .files()
                .into_iter()
                .map(|(name, path)| format!("{name} {}", path.display()))
                .collect::<Vec<_>>()
        };
        assert_eq!(files("postgresql://u:p@h/db"), Vec::<String>::new());
        assert_eq!(
            files(
                "postgresql://u:p@h/db?sslmode=verify-full&sslrootcert=/etc/of%20the%20city/ca.crt&ssl-cert=/c&sslkey=k#f"
            ),
            ["sslcert /c", "sslkey k", "sslrootcert /etc/of the city/ca.crt"]
        );
        assert_eq!(files("postgresql://h/db?ssl-ca=-----BEGIN%20CERTIFICATE-----"), Vec::<String>::new());
        assert_eq!(files("postgresql://h/db?sslrootcert=/a&ssl-root-cert=/b"), ["sslrootcert /b"]);
    }
}
