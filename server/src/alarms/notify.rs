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
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use uuid::Uuid;

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
    ways: Vec<Way>,
    brakes: Brakes,
    least: Severity,
    /// Alarms whose opening is being told, and by how many ways.
    in_hand: BTreeMap<Uuid, usize>,
    /// Kept open also when there is no way.
    results: (mpsc::UnboundedSender<Tried>, mpsc::UnboundedReceiver<Tried>),
}

/// What came of telling the opening of an alarm by one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    pub(super) alarm: Uuid,
    pub(super) way: &'static str,
    /// Whether it was taken.
    pub(super) taken: bool,
}

impl Notifier {
    /// Starts the ways that the configuration names.
    ///
    /// # Errors
    /// When a file cannot be read or an address cannot be used.
    pub fn start(config: &Alarms) -> anyhow::Result<Self> {
        let mut ways = Vec::new();
        let results = mpsc::unbounded_channel();
        if let Some(webhook) = Webhook::new(config)? {
            ways.push(Way::start("webhook", &results.0, move |told| {
                let webhook = Arc::clone(&webhook);
                async move { webhook.send(&told).await }
            }));
        }
        if let Some(mail) = Mail::new(config)? {
            ways.push(Way::start("mail", &results.0, move |told| {
                let mail = Arc::clone(&mail);
                async move { mail.send(&told).await }
            }));
        }
        let (brakes, least) = (Brakes::new(config.most_per_hour), config.least_severity);
        Ok(Self { ways, brakes, least, in_hand: BTreeMap::new(), results })
    }

    /// Tells a change, unless it is not bad enough or there were too many. Whether it is being told: [`Self::tried`] says what comes of that.
    pub(super) fn tell(&mut self, severity: Severity, alarm: &AlarmRow) -> bool {
        if severity < self.least || self.ways.is_empty() {
            return false;
        }
        let Some(untold) = self.brakes.pass(severity, Clock.instant()) else { return false };
        let state = if alarm.closed_at.is_some() { "closed" } else { "open" };
        self.send(severity, &Told { state, alarm: alarm.clone(), untold }, &[]);
        true
    }

    /// Tells an open alarm by the ways by which it was not told. The brakes do not count it: they have let it through already.
    pub(super) fn tell_again(&mut self, severity: Severity, alarm: &AlarmRow, told_by: &[String]) -> bool {
        let is_told = |way: &Way| told_by.iter().any(|name| name == way.name);
        if severity < self.least || self.ways.iter().all(is_told) {
            return false;
        }
        self.send(severity, &Told { state: "open", alarm: alarm.clone(), untold: 0 }, told_by);
        true
    }

    fn send(&mut self, severity: Severity, told: &Told, told_by: &[String]) {
        for way in self.ways.iter().filter(|way| !told_by.iter().any(|name| name == way.name)) {
            if way.queue(severity).try_send(told.clone()).is_err() {
                tracing::error!("too many alarms wait to be told; one is left for later, if it is open then");
            } else if told.state == "open" {
                *self.in_hand.entry(told.alarm.alarm_id).or_default() += 1;
            }
        }
    }

    /// What came of telling an opening; may be given up while it waits.
    pub(super) async fn tried(&mut self) -> Option<Tried> {
        let tried = self.results.1.recv().await?;
        if let Some(ways) = self.in_hand.get_mut(&tried.alarm) {
            *ways -= 1;
        }
        self.in_hand.retain(|_, ways| *ways > 0);
        Some(tried)
    }

    /// The alarms whose opening is being told.
    pub(super) fn in_hand(&self) -> Vec<Uuid> {
        self.in_hand.keys().copied().collect()
    }

    /// The names of all ways.
    pub(super) fn ways(&self) -> Vec<&'static str> {
        self.ways.iter().map(|way| way.name).collect()
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

/// A way to tell: what is critical has a queue and a task of its own, so that it waits for no other message that is not taken.
#[derive(Debug)]
struct Way {
    name: &'static str,
    critical: mpsc::Sender<Told>,
    others: mpsc::Sender<Told>,
}

impl Way {
    fn start<F>(
        name: &'static str,
        results: &mpsc::UnboundedSender<Tried>,
        send: impl Fn(Told) -> F + Clone + Send + 'static,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let critical = start(name, results.clone(), send.clone());
        Self { name, critical, others: start(name, results.clone(), send) }
    }

    const fn queue(&self, severity: Severity) -> &mpsc::Sender<Told> {
        match severity {
            Severity::Critical => &self.critical,
            Severity::Info | Severity::Warning | Severity::Error => &self.others,
        }
    }
}

/// A task that sends one message after the other, each again after pauses when it is not taken.
fn start<F>(
    way: &'static str,
    results: mpsc::UnboundedSender<Tried>,
    send: impl Fn(Told) -> F + Send + 'static,
) -> mpsc::Sender<Told>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel::<Told>(WAITING);
    tokio::spawn(async move {
        while let Some(told) = receiver.recv().await {
            let alarm = told.alarm.alarm_id;
            let mut pauses = PAUSES.iter();
            let taken = loop {
                // A defect in the sending of one message ends the way to tell no others.
                let sent = tokio::spawn(send(told.clone())).await.map_err(anyhow::Error::from).flatten();
                let Err(error) = sent else { break true };
                let Some(pause) = pauses.next() else {
                    tracing::error!(error = format!("{error:#}"), alarm_id = %alarm, "an alarm could not be told");
                    break false;
                };
                tokio::time::sleep(*pause).await;
            };
            if told.state == "open" {
                let _ = results.send(Tried { alarm, way, taken });
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
    use serde_json::{Value, json};
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

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

    /// Takes a request if it tells of something critical, and says whether it does.
    fn take_critical(stream: &TcpStream) -> bool {
        let (mut reader, mut writer) = (BufReader::new(stream), stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a length");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let told: Value = serde_json::from_slice(&body).expect("JSON");
        let is_critical = told["severity"] == "critical";
        let status = if is_critical { "204 No Content" } else { "503 Service Unavailable" };
        write!(writer, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .expect("an answer");
        is_critical
    }

    #[tokio::test]
    async fn what_is_critical_does_not_wait_for_messages_that_are_not_taken() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, mut asked) = mpsc::channel(64);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if sender.blocking_send(take_critical(&stream)).is_err() {
                    return;
                }
            }
        });
        let config = Alarms { webhook_url: Some(Secret::new(url)), ..Alarms::default() };
        let mut notifier = Notifier::start(&config).unwrap();
        for _ in 0..3 {
            notifier.tell(Severity::Warning, &told("Main").alarm);
        }
        let mut next = async || {
            tokio::time::timeout(Duration::from_secs(30), asked.recv())
                .await
                .expect("it asks")
                .expect("it runs")
        };
        assert!(!next().await, "the first of the others is refused, and waits to be sent again");
        let alarm_id = Uuid::from_u128(1);
        let critical = AlarmRow { alarm_id, severity: "critical".into(), ..told("Main").alarm };
        assert!(!notifier.tell_again(Severity::Critical, &critical, &["webhook".into()]), "nobody is left");
        assert!(notifier.tell_again(Severity::Critical, &critical, &["mail".into()]));
        // Those before it have three pauses each; only the first may come again meanwhile.
        assert!(next().await || next().await, "the critical one comes before the others are done");
        let tried = notifier.tried().await.unwrap();
        assert_eq!(tried, Tried { alarm: alarm_id, way: "webhook", taken: true });
        assert_eq!(notifier.in_hand(), [Uuid::nil()], "the others are still being told");
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
