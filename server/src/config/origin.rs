//! Where each value comes from: nobody has to guess whether the file or a variable wins.

use super::{Config, Key, keys};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Who has said what a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody: it is as the program has it.
    #[default]
    Default,
    /// The TOML file.
    File,
    /// An environment variable, which wins over the file.
    Environment,
}

/// Who has set which key, and where; a key that is not here has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<(&'static str, &'static str), (Origin, String)>);

impl Origins {
    /// Notes who sets a key: what comes later wins.
    pub(super) fn note(&mut self, key: &Key, origin: Origin, place: String) {
        self.0.insert((key.section, key.name), (origin, place));
    }
}

/// A key of the configuration with the value in force.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Setting {
    /// Section of the TOML file.
    pub section: &'static str,
    /// Name of the key in its section.
    pub key: &'static str,
    /// The value, secrets masked; null: there is none.
    pub value: Option<serde_json::Value>,
    /// Who has set it.
    pub origin: Origin,
    /// Where: file and line, or the variable; null for a default.
    pub place: Option<String>,
}

impl Config {
    /// Every key with its value in force and where it comes from, in the order of the file; secrets masked.
    pub fn settings(&self) -> Vec<Setting> {
        keys()
            .map(|key| {
                let (origin, place) = self.origins.0.get(&(key.section, key.name)).cloned().unzip();
                Setting {
                    section: key.section,
                    key: key.name,
                    value: (key.show)(self).and_then(|value| serde_json::to_value(value).ok()),
                    origin: origin.unwrap_or_default(),
                    place,
                }
            })
            .collect()
    }
}
