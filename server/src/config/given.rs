//! A value as file or environment give it, before its key says what it must be.

use std::path::PathBuf;
use std::str::FromStr;
use toml::de::DeValue;

/// A value with no type of its own yet.
pub(super) enum Given<'a> {
    /// From the TOML file.
    Toml(&'a DeValue<'a>),
    /// From the environment; lists are separated by commas.
    Env(&'a str),
}

impl Given<'_> {
    pub(super) fn text(&self) -> Result<String, String> {
        match self {
            Self::Toml(value) => {
                value.as_str().map(str::to_owned).ok_or_else(|| self.wrong("a text in quotes"))
            }
            Self::Env(text) => Ok((*text).to_owned()),
        }
    }

    /// A text that `T` reads; `what` says in words what is meant.
    pub(super) fn parse<T: FromStr>(&self, what: &str) -> Result<T, String> {
        let text = self.text()?;
        text.trim().parse().map_err(|_| format!("\"{text}\" is not {what}"))
    }

    pub(super) fn path(&self) -> Result<Option<PathBuf>, String> {
        let text = self.text()?;
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }

    pub(super) fn integer(&self, least: u32, most: u32) -> Result<u32, String> {
        let text = match self {
            Self::Toml(value) => value
                .as_integer()
                .filter(|integer| integer.radix() == 10)
                .map(|integer| integer.as_str().replace('_', ""))
                .ok_or_else(|| self.wrong("a whole number"))?,
            Self::Env(text) => text.trim().to_owned(),
        };
        let value: i64 = text.parse().map_err(|_| format!("\"{text}\" is not a whole number"))?;
        u32::try_from(value)
            .ok()
            .filter(|value| (least..=most).contains(value))
            .ok_or_else(|| format!("{value} is out of range; it lies between {least} and {most}"))
    }

    pub(super) fn boolean(&self) -> Result<bool, String> {
        match self {
            Self::Toml(value) => value.as_bool().ok_or_else(|| self.wrong("true or false")),
            Self::Env(text) => {
                text.trim().parse().map_err(|_| format!("\"{text}\" is neither true nor false"))
            }
        }
    }

    pub(super) fn list<T: FromStr>(&self, what: &str) -> Result<Vec<T>, String> {
        let read = |text: &str| text.trim().parse().map_err(|_| format!("\"{}\" is not {what}", text.trim()));
        match self {
            Self::Toml(value) => value
                .as_array()
                .ok_or_else(|| self.wrong("a list in brackets"))?
                .iter()
                .map(|item| {
                    read(item.get_ref().as_str().ok_or("every entry of the list is a text in quotes")?)
                })
                .collect(),
            Self::Env(text) => text.split(',').filter(|item| !item.trim().is_empty()).map(read).collect(),
        }
    }

    fn wrong(&self, expected: &str) -> String {
        match self {
            Self::Toml(value) => format!("expected {expected}, found {}", value.type_str()),
            Self::Env(_) => format!("expected {expected}"),
        }
    }
}
