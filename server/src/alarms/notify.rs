//! Tells people of alarms: by webhook and by mail.

mod mail;

use super::{Severity, Step};
use crate::auth::hex;
use crate::config::{Alarms, Secret};
use crate::db::alarms::AlarmRow;
use crate::db::telling::{News, Untold};
use anyhow::{Context as _, anyhow, ensure};
use mail::Mail;
use ring::hmac;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Messages that wait to be sent; beyond that they are counted only.
const WAITING: usize = 256;
/// Longest that a message may take to be delivered.
const TIME_LIMIT: Duration = Duration::from_secs(15);
/// Pauses before a message that was not taken is sent again.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(20), Duration::from_mins(2)];

/// A change of an alarm, as it is told.
#[derive(Clone, Debug, Serialize)]
struct Told {
    /// `open` or `closed`.
    state: &'static str,
    /// What has become of it: `opened`, `changed`, `acknowledged` or `closed`.
    change: Step,
    #[serde(skip)]
    number: i32,
    #[serde(flatten)]
    alarm: AlarmRow,
    /// Changes before this one that were not told because there were too many.
    untold: u64,
}

impl Told {
    fn new(alarm: &AlarmRow, number: i32, change: Step, untold: u64) -> Self {
        let state = if alarm.closed_at.is_some() { "closed" } else { "open" };
        Self { state, change, number, alarm: alarm.clone(), untold }
    }

    const fn news(&self) -> News {
        News { alarm: self.alarm.alarm_id, number: self.number }
    }
}

/// Says what people want to hear, and hands it to the ways to tell it.
#[derive(Debug)]
pub struct Notifier {
    ways: Vec<Way>,
    least: Severity,
    /// Most messages of an hour, not more than people can read.
    pub(super) most_per_hour: u32,
    /// What is being told, and by how many ways.
    in_hand: BTreeMap<News, usize>,
    /// Kept open also when there is no way.
    results: (mpsc::UnboundedSender<Tried>, mpsc::UnboundedReceiver<Tried>),
}

/// What came of telling the news of an alarm by one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    pub(super) news: News,
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
        let Alarms { least_severity: least, most_per_hour, .. } = *config;
        Ok(Self { ways, least, most_per_hour, in_hand: BTreeMap::new(), results })
    }

    /// Whether something is bad enough to be told, and there is a way by which it was not.
    pub(super) fn wants(&self, severity: Severity, told_by: &[String]) -> bool {
        severity >= self.least && self.ways.iter().any(|way| !way.is_among(told_by))
    }

    /// Tells what has become of an alarm by the ways that have not told it: [`Self::tried`] says what comes of that. `left_out`: so many before it were
    /// not told.
    pub(super) fn tell(&mut self, severity: Severity, alarm: &AlarmRow, what: &Untold, left_out: u64) {
        let told = Told::new(alarm, what.news.number, what.step, left_out);
        for way in self.ways.iter().filter(|way| !way.is_among(&what.told_by)) {
            if way.queue(severity).try_send(told.clone()).is_err() {
                tracing::error!("too many alarms wait to be told; one is left for later");
            } else {
                *self.in_hand.entry(told.news()).or_default() += 1;
            }
        }
    }

    /// What came of telling something; may be given up while it waits.
    pub(super) async fn tried(&mut self) -> Option<Tried> {
        let tried = self.results.1.recv().await?;
        if let Some(ways) = self.in_hand.get_mut(&tried.news) {
            *ways -= 1;
        }
        self.in_hand.retain(|_, ways| *ways > 0);
        Some(tried)
    }

    /// The alarms of which something is being told: what is newer waits until then.
    pub(super) fn in_hand(&self) -> Vec<Uuid> {
        self.in_hand.keys().map(|news| news.alarm).collect()
    }

    /// The names of all ways.
    pub(super) fn ways(&self) -> Vec<&'static str> {
        self.ways.iter().map(|way| way.name).collect()
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

    fn is_among(&self, names: &[String]) -> bool {
        names.iter().any(|name| name == self.name)
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
            let news = told.news();
            let mut pauses = PAUSES.iter();
            let taken = loop {
                // A defect in the sending of one message ends the way to tell no others.
                let sent = tokio::spawn(send(told.clone())).await.map_err(anyhow::Error::from).flatten();
                let Err(error) = sent else { break true };
                let Some(pause) = pauses.next() else {
                    tracing::error!(error = format!("{error:#}"), alarm_id = %news.alarm, "an alarm could not be told");
                    break false;
                };
                tokio::time::sleep(*pause).await;
            };
            let _ = results.send(Tried { news, way, taken });
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

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::{Value, json};
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    pub(super) fn told(name: &str) -> Told {
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
        Told::new(&alarm, 1, Step::Opened, 3)
    }

    fn opened(alarm: Uuid, told_by: Option<&str>) -> Untold {
        let told_by = told_by.map(ToOwned::to_owned).into_iter().collect();
        Untold { news: News { alarm, number: 1 }, step: Step::Opened, told_by }
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
            notifier.tell(Severity::Warning, &told("Main").alarm, &opened(Uuid::nil(), None), 0);
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
        let what = opened(alarm_id, Some("mail"));
        assert!(!notifier.wants(Severity::Critical, &["webhook".to_owned()]), "nobody is left");
        assert!(notifier.wants(Severity::Critical, &what.told_by));
        assert!(!notifier.wants(Severity::Info, &[]), "that is not bad enough");
        notifier.tell(Severity::Critical, &critical, &what, 0);
        // Those before it have three pauses each; only the first may come again meanwhile.
        assert!(next().await || next().await, "the critical one comes before the others are done");
        let tried = notifier.tried().await.unwrap();
        assert_eq!(tried, Tried { news: what.news, way: "webhook", taken: true });
        assert_eq!(notifier.in_hand(), [Uuid::nil()], "the others are still being told");
    }
}
