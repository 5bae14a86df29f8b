//! Values that never appear in logs or output.

use std::fmt;

/// A text that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// An address with its password, if any, replaced by `***`.
    pub fn masked_url(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return "***".to_owned() };
        let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
        let authority = match authority.rsplit_once('@') {
            Some((login, host)) => match login.split_once(':') {
                Some((user, _)) => format!("{user}:***@{host}"),
                None => authority.to_owned(),
            },
            None => authority.to_owned(),
        };
        let path = path.split_once('?').map_or(path.to_owned(), |(path, _)| format!("{path}?***"));
        format!("{scheme}://{authority}{path}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_masked_wherever_it_stands() {
        for (url, masked) in [
            ("postgresql://u:p@h:5432/db", "postgresql://u:***@h:5432/db"),
            ("postgresql://u:p@ss@h/db?password=x", "postgresql://u:***@h/db?***"),
            ("mqtt://h:1883", "mqtt://h:1883"),
            ("host=h password=p", "***"),
        ] {
            assert_eq!(Secret::new(url).masked_url(), masked);
        }
        assert_eq!(format!("{:?}", Secret::new("p")), "***");
    }
}
