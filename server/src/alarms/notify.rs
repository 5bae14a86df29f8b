//! Tells people of alarms: by webhook and by mail, not more often than they can read.

use super::Severity;
use crate::auth::hex;
use crate::clock::Clock;
use crate::config::{Alarms, Secret};
use crate::db::alarms::AlarmRow;
use anyhow::{Context as _, anyhow, ensure};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use ring::hmac;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Messages that wait to be sent; beyond that they are counted only.
const WAITING: usize = 256;
/// Longest that a message may take to be delivered.
const TIME_LIMIT: Duration = Duration::from_secs(15);
/// Pauses before a message that was not taken is sent again.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(20), Duration::from_mins(2)];
const HOUR: Duration = Duration::from_hours(1);

/// A change of an alarm, as it is told.
#[derive(Clone, Debug, Serialize)]
struct Told {
    /// `open` or `closed`.
    state: &'static str,
    #[serde(flatten)]
    alarm: AlarmRow,
    /// Changes before this one that were not told because there were too many.
    untold: u64,
}

/// Decides what is told, and hands it to the ways to tell it.
#[derive(Debug)]
pub struct Notifier {
    ways: Vec<mpsc::Sender<Told>>,
    brakes: Brakes,
    least: Severity,
}

impl Notifier {
    /// Starts the ways that the configuration names.
    ///
    /// # Errors
    /// When a file cannot be read or an address cannot be used.
    pub fn start(config: &Alarms) -> anyhow::Result<Self> {
        let mut ways = Vec::new();
        if let Some(webhook) = Webhook::new(config)? {
            ways.push(start(move |told| {
                let webhook = Arc::clone(&webhook);
                async move { webhook.send(&told).await }
            }));
        }
        if let Some(mail) = Mail::new(config)? {
            ways.push(start(move |told| {
                let mail = Arc::clone(&mail);
                async move { mail.send(&told).await }
            }));
        }
        Ok(Self { ways, brakes: Brakes::new(config.most_per_hour), least: config.least_severity })
    }

    /// Tells a change, unless it is not bad enough or there were too many.
    pub(super) fn tell(&mut self, severity: Severity, alarm: &AlarmRow) {
        if severity < self.least || self.ways.is_empty() {
            return;
        }
        let Some(untold) = self.brakes.pass(severity, Clock.instant()) else { return };
        let state = if alarm.closed_at.is_some() { "closed" } else { "open" };
        let told = Told { state, alarm: alarm.clone(), untold };
        for way in &self.ways {
            if way.try_send(told.clone()).is_err() {
                tracing::error!("too many alarms wait to be told; one is dropped");
            }
        }
    }
}

/// One brake for what is critical and one for everything else: however many devices are away, a signal in fault is told.
#[derive(Debug)]
struct Brakes {
    critical: Brake,
    others: Brake,
}

impl Brakes {
    fn new(most: u32) -> Self {
        Self { critical: Brake::new(most), others: Brake::new(most) }
    }

    /// As [`Brake::pass`].
    fn pass(&mut self, severity: Severity, now: Instant) -> Option<u64> {
        match severity {
            Severity::Critical => self.critical.pass(now),
            Severity::Info | Severity::Warning | Severity::Error => self.others.pass(now),
        }
    }
}

/// Lets so many through within an hour and counts the others.
#[derive(Debug)]
struct Brake {
    most: usize,
    passed: VecDeque<Instant>,
    held: u64,
}

impl Brake {
    fn new(most: u32) -> Self {
        Self { most: most as usize, passed: VecDeque::new(), held: 0 }
    }

    /// How many were held back since the last one that passed; `None`: this one is, too.
    fn pass(&mut self, now: Instant) -> Option<u64> {
        while self.passed.front().is_some_and(|first| now.saturating_duration_since(*first) >= HOUR) {
            self.passed.pop_front();
        }
        if self.passed.len() >= self.most {
            self.held += 1;
            return None;
        }
        self.passed.push_back(now);
        Some(std::mem::take(&mut self.held))
    }
}

/// A task that sends one message after the other, each again after pauses when it is not taken.
fn start<F>(send: impl Fn(Told) -> F + Send + 'static) -> mpsc::Sender<Told>
where
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let (sender, mut receiver) = mpsc::channel::<Told>(WAITING);
    tokio::spawn(async move {
        while let Some(told) = receiver.recv().await {
            let mut pauses = PAUSES.iter();
            while let Err(error) = send(told.clone()).await {
                let Some(pause) = pauses.next() else {
                    tracing::error!(error = format!("{error:#}"), alarm_id = %told.alarm.alarm_id, "an alarm could not be told");
                    break;
                };
                tokio::time::sleep(*pause).await;
            }
        }
    });
    sender
}

struct Webhook {
    agent: ureq::Agent,
    url: Secret,
    key: Option<hmac::Key>,
}

impl Webhook {
    fn new(config: &Alarms) -> anyhow::Result<Option<Arc<Self>>> {
        let Some(url) = &config.webhook_url else { return Ok(None) };
        let key = match &config.webhook_secret_file {
            Some(path) => {
                let bytes = std::fs::read(path)
                    .with_context(|| format!("alarms.webhook_secret_file {}", path.display()))?;
                let key = bytes.trim_ascii();
                ensure!(
                    key.len() >= 16,
                    "alarms.webhook_secret_file {} has fewer than 16 bytes",
                    path.display()
                );
                Some(hmac::Key::new(hmac::HMAC_SHA256, key))
            }
            None => None,
        };
        let settings =
            ureq::Agent::config_builder().timeout_global(Some(TIME_LIMIT)).max_redirects(0).build();
        Ok(Some(Arc::new(Self { agent: settings.into(), url: url.clone(), key })))
    }

    async fn send(self: Arc<Self>, told: &Told) -> anyhow::Result<()> {
        let body = serde_json::to_string(told)?;
        tokio::task::spawn_blocking(move || self.post(body)).await?
    }

    fn post(&self, body: String) -> anyhow::Result<()> {
        let mut request = self.agent.post(self.url.expose()).content_type("application/json");
        if let Some(key) = &self.key {
            let signature = hex(hmac::sign(key, body.as_bytes()).as_ref());
            request = request.header("X-FlexTraff-Signature", format!("sha256={signature}"));
        }
        let answer = request.send(body).map_err(|error| anyhow!("alarms.webhook_url: {error}"))?;
        ensure!(answer.status().is_success(), "alarms.webhook_url answers {}", answer.status());
        Ok(())
    }
}

struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    fn new(config: &Alarms) -> anyhow::Result<Option<Arc<Self>>> {
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

    async fn send(&self, told: &Told) -> anyhow::Result<()> {
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
    let what = if told.state == "closed" { "over" } else { alarm.severity.as_str() };
    let subject = format!("[FlexTraff] {what}: {} at {place}", alarm.kind.replace('_', " "));
    let device = alarm.device_id.map(|device| format!("Device: {device}\n")).unwrap_or_default();
    let over =
        alarm.closed_at.map(|closed| format!("Over since: {}\n", closed.to_rfc3339())).unwrap_or_default();
    let untold = match told.untold {
        0 => String::new(),
        count => format!("\n{count} changes before this one were not told, because there were too many.\n"),
    };
    let since = alarm.opened_at.to_rfc3339();
    let text = format!("{}\n\nJunction: {place}\nSince: {since}\n{device}{over}{untold}", alarm.message);
    // No name adds a header.
    (subject.chars().filter(|c| !c.is_control()).collect(), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::Kind;
    use chrono::DateTime;
    use serde_json::json;
    use uuid::Uuid;

    fn told(name: &str) -> Told {
        let alarm = AlarmRow {
            alarm_id: Uuid::nil(),
            junction_id: None,
            junction_name: Some(name.to_owned()),
            device_id: Some(Uuid::nil()),
            kind: "reader_silent".into(),
            severity: "warning".into(),
            message: "Reader north is down".into(),
            detail: json!({}),
            opened_at: DateTime::UNIX_EPOCH,
            acknowledged_at: None,
            acknowledged_by: None,
            closed_at: None,
        };
        Told { state: "open", alarm, untold: 3 }
    }

    #[test]
    fn the_brake_counts_what_it_holds() {
        let start = Clock.instant();
        let mut brake = Brake::new(2);
        let passes: Vec<_> = (0..5).map(|at| brake.pass(start + Duration::from_secs(at))).collect();
        assert_eq!(passes, [Some(0), Some(0), None, None, None]);
        assert_eq!(brake.pass(start + HOUR), Some(3));
        assert_eq!(brake.pass(start + HOUR + Duration::from_millis(1)), None);
        assert_eq!(brake.pass(start + HOUR + Duration::from_secs(1)), Some(1));
    }

    #[test]
    fn what_is_critical_waits_for_nothing_that_is_not() {
        let start = Clock.instant();
        let mut brakes = Brakes::new(2);
        let mut passes = |severity| brakes.pass(severity, start);
        for expected in [Some(0), Some(0), None] {
            assert_eq!(passes(Kind::DeviceOffline.severity()), expected);
        }
        for expected in [Some(0), Some(0), None] {
            assert_eq!(passes(Kind::SignalFault.severity()), expected);
        }
        assert_eq!(passes(Severity::Warning), None);
    }

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
}
