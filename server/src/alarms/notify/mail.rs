//! Alarms by mail.

use super::{TIME_LIMIT, Told};
use crate::alarms::Step;
use crate::config::Alarms;
use anyhow::{Context as _, anyhow, ensure};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::sync::Arc;

/// Sends mails.
pub(super) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    /// The way that the configuration names, if any.
    pub(super) fn new(config: &Alarms) -> anyhow::Result<Option<Arc<Self>>> {
        let Some(url) = &config.smtp_url else { return Ok(None) };
        let from =
            config.mail_from.as_ref().context("alarms.mail_from is not set: whose mails are these?")?;
        ensure!(!config.mail_to.is_empty(), "alarms.mail_to is empty: who gets the mails?");
        let wrong = |error| anyhow!("alarms.smtp_url {} cannot be used: {error}", url.masked_url());
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
            .map_err(wrong)?
            .timeout(Some(TIME_LIMIT));
        if let Some(path) = &config.smtp_password_file {
            let password = std::fs::read_to_string(path)
                .with_context(|| format!("alarms.smtp_password_file {}", path.display()))?;
            let user = user_of(url.expose()).context(
                "alarms.smtp_password_file is set, but alarms.smtp_url names no user: write smtps://user@host",
            )?;
            builder = builder
                .credentials(Credentials::new(user, password.trim_end_matches(['\r', '\n']).to_owned()));
        }
        Ok(Some(Arc::new(Self {
            transport: builder.build(),
            from: from.parse().context("alarms.mail_from")?,
            to: config
                .mail_to
                .iter()
                .map(|to| to.parse().context("alarms.mail_to"))
                .collect::<anyhow::Result<_>>()?,
        })))
    }

    /// Sends one.
    pub(super) async fn send(&self, told: &Told) -> anyhow::Result<()> {
        let (subject, text) = letter(told);
        let mut message = Message::builder().from(self.from.clone()).subject(subject);
        for to in &self.to {
            message = message.to(to.clone());
        }
        self.transport.send(message.body(text)?).await.context("sending a mail")?;
        Ok(())
    }
}

/// The user in an address, its escapes resolved.
fn user_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let (login, _) = authority.rsplit_once('@')?;
    let user = login.split(':').next().filter(|user| !user.is_empty())?;
    form_urlencoded::parse(user.replace('+', "%2B").as_bytes()).next().map(|(name, _)| name.into_owned())
}

/// Subject and text of a mail.
fn letter(told: &Told) -> (String, String) {
    let alarm = &told.alarm;
    let place = alarm.junction_name.as_deref().unwrap_or("the city");
    let what = match told.change {
        Step::Closed => "over".to_owned(),
        Step::Opened => alarm.severity.clone(),
        Step::Changed => format!("{}, changed", alarm.severity),
        Step::Acknowledged => "acknowledged".to_owned(),
    };
    let subject = format!("[FlexTraff] {what}: {} at {place}", alarm.kind.replace('_', " "));
    let device = alarm.device_id.map(|device| format!("Device: {device}\n")).unwrap_or_default();
    let over =
        alarm.closed_at.map(|closed| format!("Over since: {}\n", closed.to_rfc3339())).unwrap_or_default();
    let seen = match (&alarm.acknowledged_by, alarm.acknowledged_at) {
        (Some(name), Some(at)) => format!("Acknowledged: {} by {name}\n", at.to_rfc3339()),
        _ => String::new(),
    };
    let untold = match told.untold {
        0 => String::new(),
        count => format!("\n{count} changes before this one were not told, because there were too many.\n"),
    };
    let since = alarm.opened_at.to_rfc3339();
    let text =
        format!("{}\n\nJunction: {place}\nSince: {since}\n{device}{seen}{over}{untold}", alarm.message);
    // No name adds a header.
    (subject.chars().filter(|c| !c.is_control()).collect(), text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;
    use super::*;

    #[test]
    fn a_mail_says_what_and_where_and_no_name_adds_a_header() {
        let (subject, text) = letter(&told("Main\r\nBcc: evil@x.example"));
        assert_eq!(subject, "[FlexTraff] warning: reader silent at MainBcc: evil@x.example");
        assert!(text.starts_with("Reader north is down\n") && text.contains("3 changes before"), "{text}");
    }

    #[test]
    fn the_user_stands_in_the_address() {
        assert_eq!(user_of("smtps://ops%40city@mail.example").as_deref(), Some("ops@city"));
        assert_eq!(user_of("smtp://a+b:p@mail.example:587?tls=required").as_deref(), Some("a+b"));
        assert_eq!(user_of("smtps://mail.example"), None);
    }

    #[test]
    fn a_mail_says_what_has_become_of_the_alarm() {
        let mut alarm = told("Main").alarm;
        alarm.acknowledged_at = Some(alarm.opened_at);
        alarm.acknowledged_by = Some("asha".to_owned());
        let subject = |step| letter(&Told::new(&alarm, 2, step, 0)).0;
        assert_eq!(subject(Step::Opened), "[FlexTraff] warning: reader silent at Main");
        assert_eq!(subject(Step::Changed), "[FlexTraff] warning, changed: reader silent at Main");
        assert_eq!(subject(Step::Closed), "[FlexTraff] over: reader silent at Main");
        let (subject, text) = letter(&Told::new(&alarm, 2, Step::Acknowledged, 0));
        assert_eq!(subject, "[FlexTraff] acknowledged: reader silent at Main");
        assert!(text.contains("Acknowledged: 1970-01-01T00:00:00+00:00 by asha\n"), "{text}");
    }
}
