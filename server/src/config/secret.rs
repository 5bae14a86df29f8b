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

    /// An address with its password, if any, replaced by `***`, and so is what follows `?` or `#`. A password may hold any character, also those
    /// that an address should write otherwise (`/`, `?`, `#`, `@`): where it is not clear what belongs to the password, more is hidden.
    pub fn masked_url(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return "***".to_owned() };
        let (shown, hidden) = rest.find(['?', '#']).map_or((rest, ""), |at| rest.split_at(at));
        if hidden.contains('@') {
            // The password goes on there, or a value of the query has it.
            let user = shown.split([':', '/', '@']).next().unwrap_or_default();
            return format!("{scheme}://{user}:***@***");
        }
        let shown = match shown.rsplit_once('@') {
            Some((login, host)) => match login.split_once(':') {
                Some((user, _)) => format!("{user}:***@{host}"),
                None => shown.to_owned(),
            },
            None => shown.to_owned(),
        };
        let hidden = hidden.get(..1).map_or(String::new(), |mark| format!("{mark}***"));
        format!("{scheme}://{shown}{hidden}")
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
            ("mqtt://u:pa/ss@h:1883", "mqtt://u:***@h:1883"),
            ("mqtt://u:p@s/s@h/", "mqtt://u:***@h/"),
            ("mqtt://u:12/34@h", "mqtt://u:***@h"),
            ("mqtt://u:pa?ss@h", "mqtt://u:***@***"),
            ("mqtt://u:pa#ss@h", "mqtt://u:***@***"),
            ("mqtt://u:p@pa?s@h", "mqtt://u:***@***"),
            ("mqtt://u:pa/:ss@[::1]:1884", "mqtt://u:***@[::1]:1884"),
            ("postgresql://u:pa/ss@h:5432/db?sslmode=require", "postgresql://u:***@h:5432/db?***"),
            ("postgresql://h/db?user=u@v&password=p", "postgresql://h:***@***"),
            ("postgresql://u@h/db", "postgresql://u@h/db"),
            ("postgresql://u:p@h/db#p", "postgresql://u:***@h/db#***"),
            ("smtps://u:é?p@h", "smtps://u:***@***"),
            ("host=h password=p", "***"),
        ] {
            assert_eq!(Secret::new(url).masked_url(), masked);
        }
        assert_eq!(format!("{:?}", Secret::new("p")), "***");
    }
}
