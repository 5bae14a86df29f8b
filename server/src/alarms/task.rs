//! The task: looks, records, tells.

use super::notify::Tried;
use super::quiet::anomaly;
use super::{Change, Finding, Kind, Notifier, Severity, Step, Watch};
use crate::app::App;
use crate::clock::Clock;
use crate::config_differences::differences;
use crate::db::alarms::{self, AlarmRow, Heard};
use crate::db::junctions;
use crate::db::logs::{self, Entry, Level, Type};
use crate::db::telling::{self, News, Untold};
use crate::db::within;
use crate::hearing::Hearing;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::Status;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// Between two looks at who is heard.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Looks at who is heard between two looks at the counts.
const LOOKS_PER_COUNT: u32 = 20;
/// Looks at who is heard between two at what was not told: a third of the time for which an alarm is one server's to tell.
const LOOKS_PER_UNTOLD: u32 = 4;

/// Nothing came from a lane for so long: an hour of whole five minutes, of which the last has just ended.
const COUNTS_WITHIN: Duration = Duration::from_mins(65);

/// Longest that the task waits for the database: where the way to it is cut without a word, no answer ever comes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(90);

/// So long before its end somebody is told that a certificate expires.
const CERTIFICATE_WARNING: TimeDelta = TimeDelta::days(30);

/// Looks for alarms until `stop` turns true. `statuses`: what devices say, and at which junction.
pub async fn run(
    app: App,
    clock: Clock,
    hearing: Hearing,
    mut statuses: mpsc::Receiver<(JunctionId, Box<Status>)>,
    mut notifier: Notifier,
    mut stop: watch::Receiver<bool>,
) {
    let mut task = Task {
        app,
        clock,
        hearing,
        watch: Watch::default(),
        is_read: false,
        in_maintenance: BTreeSet::new(),
        looks: 0,
        compared: None,
        taken: Vec::new(),
    };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            Some((junction, status)) = statuses.recv() => Event::Status(junction, status),
            Some(tried) = notifier.tried() => Event::Tried(tried),
            _ = looks.tick() => Event::Look,
        };
        let handling = async {
            match event {
                Event::Status(junction, status) => task.handle_status(junction, &status, &mut notifier).await,
                Event::Tried(tried) => {
                    task.taken.extend(Some(tried).filter(|tried| tried.taken));
                    task.note_taken(&notifier).await
                }
                Event::Look => task.look(&mut notifier).await,
            }
        };
        if let Err(error) = within(ANSWERED_WITHIN, handling).await {
            tracing::error!(%error, "alarms cannot be recorded; looking again");
            // What is open is read anew: what could not be recorded is found again.
            task.is_read = false;
            task.hearing.broke();
        }
    }
}

/// What the task waits for.
enum Event {
    Status(JunctionId, Box<Status>),
    Tried(Tried),
    Look,
}

struct Task {
    app: App,
    clock: Clock,
    hearing: Hearing,
    watch: Watch,
    /// Whether `watch` knows which alarms are open.
    is_read: bool,
    /// Devices at which somebody works, as of the last look.
    in_maintenance: BTreeSet<DeviceId>,
    looks: u32,
    /// When the newest configuration had come that was compared.
    compared: Option<DateTime<Utc>>,
    /// What was told and is not noted yet.
    taken: Vec<Tried>,
}

impl Task {
    async fn watch(&mut self) -> sqlx::Result<&mut Watch> {
        if !self.is_read {
            self.watch.reopen(alarms::open(&self.app.db).await?);
            self.is_read = true;
        }
        Ok(&mut self.watch)
    }

    async fn handle_status(
        &mut self,
        junction: JunctionId,
        status: &Status,
        notifier: &mut Notifier,
    ) -> sqlx::Result<()> {
        let now = self.clock.now();
        let in_maintenance = self.in_maintenance.contains(&status.device_id);
        let changes = self.watch().await?.handle_status(junction, status, in_maintenance, now);
        self.obey(changes, notifier).await
    }

    /// Who is not heard, and which lanes show nothing.
    async fn look(&mut self, notifier: &mut Notifier) -> sqlx::Result<()> {
        let (now, utc) = (self.clock.now(), self.clock.utc());
        let is_sure = self.hearing.is_sure(self.clock.instant());
        let heard = alarms::heard(&self.app.db, utc).await?;
        let devices: BTreeSet<DeviceId> = heard.iter().map(|one| one.device).collect();
        // Also those without a device of ours: who sends counts in the published form has none.
        let junctions = alarms::junctions(&self.app.db).await?;
        let worked_at = heard.iter().filter(|one| one.in_maintenance);
        let quiet_expected: BTreeSet<JunctionId> = worked_at.clone().map(|one| one.junction).collect();
        self.in_maintenance = worked_at.map(|one| one.device).collect();
        let watch = self.watch().await?;
        let mut changes = watch.retain(|place| match place.device {
            Some(device) => devices.contains(&device),
            None => junctions.contains(&place.junction),
        });
        for one in &heard {
            let findings: Vec<Finding> = offline(one).into_iter().chain(expiring(one, utc)).collect();
            let kinds: &[Kind] = if one.in_maintenance {
                // Of its readers a status speaks, which may not come any more while somebody works there.
                &Kind::SILENCE
            } else if one.online || is_sure {
                &[Kind::DeviceOffline]
            } else {
                // Whether it speaks, and is not heard here, is not known yet.
                &[]
            };
            changes.extend(watch.handle(one.junction, Some(one.device), kinds, &findings, now));
            let kinds = [Kind::CertificateExpiring];
            changes.extend(watch.handle(one.junction, Some(one.device), &kinds, &findings, now));
        }
        if self.looks.is_multiple_of(LOOKS_PER_COUNT) {
            let quiet = alarms::quiet_lanes(&self.app.db, utc).await?;
            // What did not come in while this server heard nobody says nothing of the lanes.
            let is_sure = self.hearing.has_heard_for(COUNTS_WITHIN, self.clock.instant());
            let watch = self.watch().await?;
            for junction in &junctions {
                let mut lanes = quiet.iter().filter(|lane| lane.junction == *junction);
                if !is_sure && lanes.any(|lane| lane.no_counts) {
                    continue;
                }
                let anomaly = anomaly(*junction, &quiet).filter(|_| !quiet_expected.contains(junction));
                let findings: Vec<Finding> = anomaly.into_iter().collect();
                changes.extend(watch.handle(*junction, None, &[Kind::CountAnomaly], &findings, now));
            }
        }
        // One that has just come at once: before the junction has refused a plan for long enough to be told.
        let newest = alarms::newest_configuration(&self.app.db).await?;
        if newest != self.compared || self.looks.is_multiple_of(LOOKS_PER_COUNT) {
            changes.extend(self.compare().await?);
            self.compared = newest;
        }
        let is_due = self.looks.is_multiple_of(LOOKS_PER_UNTOLD);
        self.looks = self.looks.wrapping_add(1);
        self.obey(changes, notifier).await?;
        self.note_taken(notifier).await?;
        if is_due { self.tell_untold(notifier).await } else { Ok(()) }
    }

    /// Notes what was told, so that no server tells it again.
    async fn note_taken(&mut self, notifier: &Notifier) -> sqlx::Result<()> {
        while let Some(tried) = self.taken.last() {
            telling::told(&self.app.db, tried.news, &[tried.way], &notifier.ways()).await?;
            self.taken.pop();
        }
        Ok(())
    }

    /// Tells what nobody has told: alarms that say something else by now or were acknowledged, and whatever the server that should have told it was
    /// gone for, or nobody took.
    async fn tell_untold(&self, notifier: &mut Notifier) -> sqlx::Result<()> {
        for untold in telling::claim(&self.app.db, &notifier.in_hand()).await? {
            let Some(alarm) = alarms::get(&self.app.db, untold.news.alarm).await? else { continue };
            let severity = Severity::named(&alarm.severity).unwrap_or(Severity::Critical);
            // Others were counted among those of the hour by who told them first.
            let is_new =
                matches!(untold.step, Step::Changed | Step::Acknowledged) && untold.told_by.is_empty();
            self.hand_over(severity, &alarm, &untold, is_new, notifier).await?;
        }
        Ok(())
    }

    /// Has something told, unless nobody is to hear it or there were too many; that is noted then, so that no server tries again.
    async fn hand_over(
        &self,
        severity: Severity,
        alarm: &AlarmRow,
        what: &Untold,
        is_new: bool,
        notifier: &mut Notifier,
    ) -> sqlx::Result<()> {
        let left_out = match notifier.wants(severity, &what.told_by) {
            false => None,
            true if is_new => telling::pass(&self.app.db, severity, notifier.most_per_hour).await?,
            true => Some(0),
        };
        match left_out {
            Some(left_out) => notifier.tell(severity, alarm, what, left_out),
            None => telling::told(&self.app.db, what.news, &[], &[]).await?,
        }
        Ok(())
    }

    /// Which devices have another configuration than the server plans with.
    async fn compare(&mut self) -> sqlx::Result<Vec<Change>> {
        let now = self.clock.now();
        let entries = junctions::export(&self.app.db).await?.junctions;
        let configurations = alarms::configurations(&self.app.db).await?;
        let watch = self.watch().await?;
        let mut changes = Vec::new();
        for (junction, device, toml) in configurations {
            let Some(entry) = entries.iter().find(|entry| entry.junction_id == junction) else { continue };
            let findings: Vec<Finding> = differs(&differences(entry, &toml)).into_iter().collect();
            changes.extend(watch.handle(junction, Some(device), &[Kind::ConfigDiffers], &findings, now));
        }
        Ok(changes)
    }

    async fn obey(&mut self, changes: Vec<Change>, notifier: &mut Notifier) -> sqlx::Result<()> {
        let db = &self.app.db;
        for change in changes {
            let mut tx = db.begin().await?;
            let news = match &change {
                Change::Open(place, finding) => alarms::raise(&mut *tx, *place, finding).await?,
                Change::Close(place) => alarms::close(&mut *tx, *place).await?,
                Change::Update(place, finding) => {
                    alarms::update(&mut *tx, *place, finding).await?;
                    None
                }
            };
            if let Some(news) = news {
                logs::record(&mut *tx, logged(news.alarm, &change).as_slice()).await?;
            }
            tx.commit().await?;
            // Another server has told it otherwise. Live feeds hear of it from the database.
            if let Some(news) = news {
                self.tell(news, &change, notifier).await?;
            }
        }
        Ok(())
    }

    async fn tell(&self, news: News, change: &Change, notifier: &mut Notifier) -> sqlx::Result<()> {
        let (place, state, step) = match change {
            Change::Open(place, _) => (place, "open", Step::Opened),
            Change::Update(place, _) => (place, "open", Step::Changed),
            Change::Close(place) => (place, "closed", Step::Closed),
        };
        let Some(alarm) = alarms::get(&self.app.db, news.alarm).await? else { return Ok(()) };
        tracing::info!(
            junction = %place.junction, device = ?place.device, kind = place.kind.name(), state, message = alarm.message,
            "alarm"
        );
        let what = Untold { news, step, told_by: Vec::new() };
        self.hand_over(place.kind.severity(), &alarm, &what, true, notifier).await
    }
}

/// What the log says of an alarm that opens or is over.
fn logged(id: Uuid, change: &Change) -> Option<Entry> {
    let (place, entry) = match change {
        Change::Open(place, finding) => {
            let level = match place.kind.severity() {
                Severity::Info => Level::Info,
                Severity::Warning => Level::Warning,
                Severity::Error => Level::Error,
                Severity::Critical => Level::Critical,
            };
            (place, Entry::new(level, Type::AlarmOpened, format!("Alarm: {}", finding.message)))
        }
        Change::Close(place) => {
            let message = format!("The alarm {} is over", place.kind.name());
            (place, Entry::new(Level::Info, Type::AlarmClosed, message))
        }
        Change::Update(..) => return None,
    };
    let entry = entry.at(place.junction).with(json!({ "alarm_id": id, "kind": place.kind.name() }));
    Some(match place.device {
        Some(device) => entry.of(device),
        None => entry,
    })
}

fn offline(one: &Heard) -> Option<Finding> {
    let last = one.last.filter(|_| !one.online && !one.in_maintenance)?;
    let last = last.to_rfc3339_opts(SecondsFormat::Secs, true);
    let message =
        format!("The device is not heard since {last}; the junction goes on alone and its counts wait there");
    Some(Finding { kind: Kind::DeviceOffline, message, detail: json!({"last_heartbeat": last}) })
}

fn expiring(one: &Heard, now: DateTime<Utc>) -> Option<Finding> {
    let until = one.certificate_until.filter(|until| *until - now <= CERTIFICATE_WARNING)?;
    let (date, verb) = (until.format("%Y-%m-%d"), if until < now { "has expired" } else { "expires" });
    let message = format!(
        "The device's certificate {verb} on {date} (UTC): issue an enrolment token and run `flextraff-agent enroll --certificate` there"
    );
    let detail = json!({"certificate_until": until.to_rfc3339_opts(SecondsFormat::Secs, true)});
    Some(Finding { kind: Kind::CertificateExpiring, message, detail })
}

fn differs(differences: &[String]) -> Option<Finding> {
    let first = differences.first()?;
    let more = match differences.len() - 1 {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let message =
        format!("The device's configuration differs from what the server plans with: {first}{more}");
    Some(Finding { kind: Kind::ConfigDiffers, message, detail: json!({"differences": differences}) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::ids::DeviceId;

    const HEARD: Heard = Heard {
        junction: JunctionId(Uuid::nil()),
        device: DeviceId(Uuid::nil()),
        last: None,
        online: false,
        in_maintenance: false,
        certificate_until: None,
    };

    #[test]
    fn a_certificate_is_told_of_a_month_before_it_expires() {
        let now = "2026-02-10T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let told = |until: Option<DateTime<Utc>>| {
            expiring(&Heard { certificate_until: until, ..HEARD }, now).map(|finding| finding.message)
        };
        assert_eq!(told(None), None);
        assert_eq!(told(Some(now + CERTIFICATE_WARNING + TimeDelta::seconds(1))), None);
        let message = told(Some(now + CERTIFICATE_WARNING)).unwrap();
        assert!(
            message.contains("certificate expires on 2026-03-12 (UTC): issue an enrolment token"),
            "{message}"
        );
        let message = told(Some(now - TimeDelta::days(1))).unwrap();
        assert!(message.contains("certificate has expired on 2026-02-09 (UTC)"), "{message}");
    }

    #[test]
    fn who_was_never_heard_is_no_alarm() {
        let mut one = HEARD;
        assert_eq!(offline(&one), None);
        one.last = Some(DateTime::UNIX_EPOCH);
        let message = offline(&one).unwrap().message;
        assert!(message.starts_with("The device is not heard since 1970-01-01T00:00:00Z;"), "{message}");
        one.in_maintenance = true;
        assert_eq!(offline(&one), None);
        (one.in_maintenance, one.online) = (false, true);
        assert_eq!(offline(&one), None);
        assert_eq!(differs(&[]), None);
        let message = differs(&["stage N is missing".into(), "b".into()]).unwrap().message;
        assert!(message.ends_with("plans with: stage N is missing and 1 more"), "{message}");
    }
}
