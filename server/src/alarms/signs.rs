//! What is wrong by what a device says of itself; pure.

use super::Kind;
use flextraff_common::time::{ClockState, UnixMs};
use flextraff_common::wire::{
    AlarmKind, AlarmStatus, OutboxStatus, PlanState, ReaderState, ReaderStatus, Status, WatchedClass,
};
use serde::Deserialize as _;
use serde_json::{Value, json};

/// Rows that wait for longer than this, although the device is online, are a sign that something holds them up, seconds.
const WAITING_S: u64 = 900;
/// A loss is shown for so long after its last row, milliseconds.
const LOSS_SHOWN_MS: i64 = 86_400_000;

/// The kinds that a status message tells of.
pub(super) const KINDS: [Kind; 13] = [
    Kind::ReaderSilent,
    Kind::SignalFault,
    Kind::PlanRefused,
    Kind::ClockUnsynced,
    Kind::OutboxGrowing,
    Kind::RowsRejected,
    Kind::RowsLost,
    Kind::Disk,
    Kind::SecondClient,
    Kind::DoorOpen,
    Kind::TagTooOften,
    Kind::TooManyEmergencies,
    Kind::TagInTwoPlaces,
];

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// In a sentence.
    pub message: String,
    /// The same for programs.
    pub detail: Value,
}

impl Finding {
    /// A finding without detail.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: json!({}) }
    }
}

/// What is wrong with a device that is online.
pub fn of_status(status: &Status) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(readers(&status.readers));
    if let Some(controller) = &status.controller {
        if let Some(fault) = &controller.fault {
            findings
                .push(Finding::new(Kind::SignalFault, format!("The lamps hold the fault aspect: {fault}")));
        }
        if controller.cabinet.is_some_and(|cabinet| cabinet.door_open) {
            findings.push(Finding::new(Kind::DoorOpen, "The cabinet's door is open"));
        }
    }
    if let Some(plan) = status.plan.as_ref().filter(|plan| plan.state == PlanState::Refused) {
        let message = format!("The junction refuses its plan: {}", plan.reasons.join("; "));
        let detail = json!({"plan_id": plan.plan_id, "reasons": plan.reasons});
        findings.push(Finding { kind: Kind::PlanRefused, message, detail });
    }
    if status.clock == Some(ClockState::Unsynced) {
        let message = "The clock is not synchronised; counts are corrected when it is, offsets and tables by time of day rest";
        findings.push(Finding::new(Kind::ClockUnsynced, message));
    }
    if let Some(outbox) = &status.outbox {
        if outbox.oldest_s >= WAITING_S {
            // Without figures, so that it does not change with every message.
            let detail = json!({"rows": outbox.rows, "oldest_s": outbox.oldest_s});
            let message =
                "Rows wait for more than a quarter of an hour although the device is online".to_owned();
            findings.push(Finding { kind: Kind::OutboxGrowing, message, detail });
        }
        findings.extend(disk(outbox));
        if outbox.parked > 0 {
            let message = format!(
                "The server has rejected {} rows of this device; the dead letters say why",
                outbox.parked
            );
            findings.push(Finding::new(Kind::RowsRejected, message));
        }
    }
    if status.link.as_ref().is_some_and(|link| link.taken_over_s.is_some()) {
        let message = "Another client uses this device's id at the broker: find the second card or copy, or replace the credential";
        findings.push(Finding::new(Kind::SecondClient, message));
    }
    findings.extend(tags(&status.alarms));
    findings
}

fn disk(outbox: &OutboxStatus) -> Option<Finding> {
    let detail = json!({"free_bytes": outbox.free_bytes, "failure": outbox.failure});
    let message = match &outbox.failure {
        Some(failure) => {
            format!("The device's disk takes nothing, and its rows wait in memory: {failure}")
        }
        // Without the figure, so that it does not change with every message.
        None if outbox.free_bytes? < OutboxStatus::LEAST_FREE_BYTES => {
            let least_mb = OutboxStatus::LEAST_FREE_BYTES / 1_000_000;
            format!("The device's disk has less than {least_mb} MB free: make room before counts are lost")
        }
        None => return None,
    };
    Some(Finding { kind: Kind::Disk, message, detail })
}

fn readers(readers: &[ReaderStatus]) -> Option<Finding> {
    let silent: Vec<&ReaderStatus> =
        readers.iter().filter(|reader| reader.state != ReaderState::Up).collect();
    if silent.is_empty() {
        return None;
    }
    let told = |reader: &&ReaderStatus| {
        let state = if reader.state == ReaderState::Silent { "silent" } else { "down" };
        match &reader.detail {
            Some(detail) => format!("reader {} is {state}: {detail}", reader.name),
            None => format!("reader {} is {state}", reader.name),
        }
    };
    let mut message = silent.iter().map(told).collect::<Vec<_>>().join("; ");
    if let Some(first) = message.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let names: Vec<&str> = silent.iter().map(|reader| reader.name.as_str()).collect();
    Some(Finding { kind: Kind::ReaderSilent, message, detail: json!({"readers": names}) })
}

/// The newest alarm of each kind.
fn tags(alarms: &[AlarmStatus]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for alarm in alarms.iter().rev() {
        let (kind, what) = match alarm.kind {
            AlarmKind::TagTooOften => (Kind::TagTooOften, "asks for priority too often"),
            AlarmKind::TooManyEmergencies => (Kind::TooManyEmergencies, "is one of more than there can be"),
            AlarmKind::TagInTwoPlaces => (Kind::TagInTwoPlaces, "was read in two places: one tag is a copy"),
            AlarmKind::Other => continue,
        };
        if findings.iter().any(|finding| finding.kind == kind) {
            continue;
        }
        let class = match alarm.class {
            WatchedClass::Emergency => "an emergency vehicle",
            WatchedClass::Transit => "a bus",
            WatchedClass::Other => "a watched vehicle",
        };
        let message = format!("The tag of {class} on lane {} {what}", alarm.lane);
        let detail = json!({"lane": alarm.lane, "class": alarm.class, "since": alarm.since});
        findings.push(Finding { kind, message, detail });
    }
    findings
}

/// Rows that a device has lost, as long as that is news.
pub(super) fn lost(rows: u64, grew: UnixMs, now: UnixMs) -> Option<Finding> {
    let message = format!("The device has dropped {rows} rows because its outbox or disk is full");
    let detail = json!({"rows": rows, "last": grew});
    (now.since(grew) < LOSS_SHOWN_MS).then_some(Finding { kind: Kind::RowsLost, message, detail })
}

/// How many rows a finding says are lost, and when it last were more.
pub(super) fn lost_before(finding: &Finding) -> Option<(u64, UnixMs)> {
    let last = UnixMs::deserialize(finding.detail.get("last")?).ok()?;
    Some((finding.detail.get("rows")?.as_u64()?, last))
}
