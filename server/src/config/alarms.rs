//! `[alarms]`: who is told of alarms, and how.

use super::{Key, Secret};
use crate::alarms::Severity;
use std::path::PathBuf;

/// Who is told of alarms. Without an address nobody is; they are in the dashboard all the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarms {
    /// Address to which each change is posted as JSON.
    pub webhook_url: Option<Secret>,
    /// File with the key that signs what is posted.
    pub webhook_secret_file: Option<PathBuf>,
    /// Mail server, such as `smtps://mail.example` or `smtp://mail.example:587?tls=required`; may carry user name and password.
    pub smtp_url: Option<Secret>,
    /// File with the password of the mail server, its last line break ignored; wins over the one in the address.
    pub smtp_password_file: Option<PathBuf>,
    /// Whose mails these are.
    pub mail_from: Option<String>,
    /// Who gets mails.
    pub mail_to: Vec<String>,
    /// Only alarms at least as bad are told.
    pub least_severity: Severity,
    /// Most messages within an hour, and as many of critical alarms beside them; the rest is counted and told with the next one.
    pub most_per_hour: u32,
}

impl Default for Alarms {
    fn default() -> Self {
        Self {
            webhook_url: None,
            webhook_secret_file: None,
            smtp_url: None,
            smtp_password_file: None,
            mail_from: None,
            mail_to: Vec::new(),
            least_severity: Severity::Warning,
            most_per_hour: 60,
        }
    }
}

fn url(text: String, schemes: &[&str]) -> Result<Option<Secret>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if schemes.iter().any(|scheme| text.starts_with(&format!("{scheme}://")) && text.len() > scheme.len() + 3)
    {
        return Ok(Some(Secret::new(text)));
    }
    Err(format!("an address here begins with {}", schemes.join(":// or ") + "://"))
}

/// Many services put their key into the path.
fn host_of(url: &Secret) -> String {
    let masked = url.masked_url();
    let rest = masked.find("://").map_or(0, |at| at + 3);
    match masked[rest..].find('/') {
        Some(path) => format!("{}/***", &masked[..rest + path]),
        None => masked,
    }
}

fn mailbox(text: &str) -> Result<(), String> {
    text.parse::<lettre::message::Mailbox>().map(drop).map_err(|_| {
        format!("\"{text}\" is no mail address; write name@city.example or City <name@city.example>")
    })
}

pub(super) const KEYS: &[Key] = &[
    Key {
        section: "alarms",
        name: "webhook_url",
        set: |config, given| {
            config.alarms.webhook_url = url(given.text()?, &["https", "http"])?;
            Ok(())
        },
        show: |config| config.alarms.webhook_url.as_ref().map(|url| host_of(url).into()),
    },
    Key {
        section: "alarms",
        name: "webhook_secret_file",
        set: |config, given| given.path().map(|path| config.alarms.webhook_secret_file = path),
        show: |config| {
            config.alarms.webhook_secret_file.as_ref().map(|path| path.display().to_string().into())
        },
    },
    Key {
        section: "alarms",
        name: "smtp_url",
        set: |config, given| {
            config.alarms.smtp_url = url(given.text()?, &["smtps", "smtp"])?;
            Ok(())
        },
        show: |config| config.alarms.smtp_url.as_ref().map(|url| url.masked_url().into()),
    },
    Key {
        section: "alarms",
        name: "smtp_password_file",
        set: |config, given| given.path().map(|path| config.alarms.smtp_password_file = path),
        show: |config| {
            config.alarms.smtp_password_file.as_ref().map(|path| path.display().to_string().into())
        },
    },
    Key {
        section: "alarms",
        name: "mail_from",
        set: |config, given| {
            let text = given.text()?;
            if !text.is_empty() {
                mailbox(&text)?;
            }
            config.alarms.mail_from = (!text.is_empty()).then_some(text);
            Ok(())
        },
        show: |config| config.alarms.mail_from.clone().map(Into::into),
    },
    Key {
        section: "alarms",
        name: "mail_to",
        set: |config, given| {
            let list: Vec<String> = given.list("a mail address")?;
            list.iter().try_for_each(|text| mailbox(text))?;
            config.alarms.mail_to = list;
            Ok(())
        },
        show: |config| Some(config.alarms.mail_to.clone().into()),
    },
    Key {
        section: "alarms",
        name: "least_severity",
        set: |config, given| {
            let text = given.text()?;
            let named = Severity::named(&text);
            config.alarms.least_severity =
                named.ok_or_else(|| format!("\"{text}\" is none of info, warning, error and critical"))?;
            Ok(())
        },
        show: |config| Some(config.alarms.least_severity.name().into()),
    },
    Key {
        section: "alarms",
        name: "most_per_hour",
        set: |config, given| given.integer(1, 10_000).map(|most| config.alarms.most_per_hour = most),
        show: |config| Some(i64::from(config.alarms.most_per_hour).into()),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_of_a_webhook_is_shown() {
        let shown = |text: &str| host_of(&Secret::new(text));
        assert_eq!(shown("https://hooks.example/services/T0/B0/key"), "https://hooks.example/***");
        assert_eq!(shown("https://hooks.example"), "https://hooks.example");
        assert_eq!(shown("https://u:p@hooks.example/x?token=y"), "https://u:***@hooks.example/***");
    }

    #[test]
    fn addresses_are_checked() {
        assert!(
            url("ftp://x".into(), &["https", "http"]).is_err() && url("https://".into(), &["https"]).is_err()
        );
        assert!(mailbox("City <ops@city.example>").is_ok() && mailbox("ops").is_err());
    }
}
