//! Reads file and environment, and names every mistake at once.

use super::{Config, Key, Origin, given::Given, keys};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use toml::de::DeTable;

/// Largest configuration file, bytes.
const MAX_FILE: u64 = 1024 * 1024;
const ENV_PREFIX: &str = "FLEXTRAFF_";
const ENV_SEPARATOR: &str = "__";

/// One mistake, with the place of its making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: String,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// Its path.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// File or environment are wrong.
    #[error("{}", lines(.0))]
    Wrong(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Config {
    /// Reads a file and the environment of this process. Without `file` the default file is read if it exists.
    ///
    /// # Errors
    /// The file cannot be read, or all mistakes in file and environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or_else(|| Path::new(super::DEFAULT_FILE));
        let unreadable = |source| ConfigError::Read { file: path.display().to_string(), source };
        let text = match std::fs::metadata(path) {
            Ok(meta) if meta.len() > MAX_FILE => {
                return Err(unreadable(std::io::Error::other("it is larger than 1 MiB")));
            }
            Ok(_) => Some(std::fs::read_to_string(path).map_err(unreadable)?),
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(error)),
        };
        let name = path.display().to_string();
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::read(text.as_deref().map(|text| (name.as_str(), text)), env).map_err(ConfigError::Wrong)
    }

    /// Defaults, overridden by the text of a file (with its name), overridden by variables of the form `FLEXTRAFF_SECTION__KEY`.
    ///
    /// # Errors
    /// All mistakes in both.
    pub fn read(
        file: Option<(&str, &str)>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        let mut config = Self::default();
        let mut problems = Vec::new();
        if let Some((name, text)) = file {
            config.take_file(name, text, &mut problems);
        }
        let env: BTreeMap<String, String> = env
            .into_iter()
            .filter(|(name, _)| name.starts_with(ENV_PREFIX) && name.contains(ENV_SEPARATOR))
            .collect();
        for (name, value) in &env {
            let known = keys().find(|key| env_name(key) == *name);
            let result = match known {
                Some(key) => {
                    config.origins.note(key, Origin::Environment, name.clone());
                    (key.set)(&mut config, &Given::Env(value))
                }
                None => Err(unknown("variable", name, keys().map(env_name))),
            };
            if let Err(message) = result {
                problems.push(Problem { place: name.clone(), message });
            }
        }
        config.check_together(&mut problems);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    fn take_file(&mut self, name: &str, text: &str, problems: &mut Vec<Problem>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut found: Vec<(usize, String)> = errors
            .iter()
            .map(|error| (error.span().map_or(0, |span| span.start), error.message().to_owned()))
            .collect();
        if found.is_empty() {
            let place = |at| {
                let (line, _) = line_and_column(text, at);
                format!("{name}:{line}")
            };
            self.take_table(table.get_ref(), &place, &mut found);
        }
        found.sort();
        problems.extend(found.into_iter().map(|(at, message)| {
            let (line, column) = line_and_column(text, at);
            Problem { place: format!("{name}:{line}:{column}"), message }
        }));
    }

    /// Takes a file's values; `place` names an offset in the file, `found` gets mistakes with theirs.
    fn take_table(
        &mut self,
        table: &DeTable<'_>,
        place: &dyn Fn(usize) -> String,
        found: &mut Vec<(usize, String)>,
    ) {
        for (section, content) in table {
            let name = section.get_ref().as_ref();
            let of_section = || keys().filter(|key| key.section == name);
            if of_section().next().is_none() {
                let sections = keys().map(|key| key.section.to_owned());
                found.push((section.span().start, unknown("section", name, sections)));
                continue;
            }
            let Some(content) = content.get_ref().as_table() else {
                let message = format!("{name} is a section; write [{name}] on a line of its own");
                found.push((section.span().start, message));
                continue;
            };
            for (key_name, value) in content {
                if let Some(key) = of_section().find(|key| key.name == key_name.get_ref().as_ref()) {
                    self.origins.note(key, Origin::File, place(key_name.span().start));
                    if let Err(why) = (key.set)(self, &Given::Toml(value.get_ref())) {
                        found.push((value.span().start, format!("{name}.{}: {why}", key.name)));
                    }
                } else {
                    let names = of_section().map(|key| key.name.to_owned());
                    found.push((key_name.span().start, unknown("key", key_name.get_ref(), names)));
                }
            }
        }
    }

    /// Rules that span several keys.
    fn check_together(&self, problems: &mut Vec<Problem>) {
        let pairs = [
            ("http", "tls_cert_file", "tls_key_file", &self.http.tls_cert_file, &self.http.tls_key_file),
            ("mqtt", "cert_file", "key_file", &self.mqtt.cert_file, &self.mqtt.key_file),
            ("devices", "ca_cert_file", "ca_key_file", &self.devices.ca_cert_file, &self.devices.ca_key_file),
        ];
        for (section, cert, key, cert_file, key_file) in pairs {
            if cert_file.is_some() != key_file.is_some() {
                let message = format!("{cert} and {key} belong together; set both or neither");
                problems.push(Problem { place: format!("[{section}]"), message });
            }
        }
        if self.retention.epc_days > self.retention.counts_days {
            problems.push(Problem {
                place: "[retention]".to_owned(),
                message: format!(
                    "epc_days {} is above counts_days {}; EPCs go with their counts at the latest",
                    self.retention.epc_days, self.retention.counts_days
                ),
            });
        }
    }

    /// The effective configuration as TOML, secrets masked.
    ///
    /// # Errors
    /// Never for values that this configuration can hold.
    pub fn to_masked_toml(&self) -> Result<String, toml::ser::Error> {
        let mut root = toml::Table::new();
        for key in keys() {
            if let Some(value) = (key.show)(self) {
                let section = root.entry(key.section).or_insert_with(|| toml::Table::new().into());
                if let Some(section) = section.as_table_mut() {
                    section.insert(key.name.to_owned(), value);
                }
            }
        }
        toml::to_string(&root)
    }
}

/// Where in a text an offset is, both counted from 1.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

fn env_name(key: &Key) -> String {
    format!("{ENV_PREFIX}{}{ENV_SEPARATOR}{}", key.section, key.name).to_uppercase()
}

/// What is said of a name that does not exist, with the nearest one that does.
/// That there is nothing of a name, and what of all that there is may be meant.
pub(crate) fn unknown(what: &str, name: &str, known: impl Iterator<Item = String>) -> String {
    let nearest = known
        .map(|known| (strsim::osa_distance(&known, name), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len().div_ceil(2));
    let name: String = name.chars().take(60).collect();
    match nearest {
        Some((_, nearest)) => format!("there is no {what} \"{name}\"; did you mean \"{nearest}\"?"),
        None => format!("there is no {what} \"{name}\""),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
