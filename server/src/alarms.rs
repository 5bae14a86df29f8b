//! What a person should look into: found in what devices say, and in what they no longer say. Finding is pure; [`run`] is the task that looks,
//! records and tells.

mod notify;
mod quiet;
mod signs;
mod task;
#[cfg(test)]
mod tests;

pub use notify::Notifier;
pub use quiet::QuietLane;
pub use signs::{Finding, of_status};
pub use task::run;

use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The device is not heard.
    DeviceOffline,
    /// A reader does not work.
    ReaderSilent,
    /// The lamps hold the fault aspect.
    SignalFault,
    /// The junction refuses its plan.
    PlanRefused,
    /// The device's configuration is another one than the server plans with.
    ConfigDiffers,
    /// A lane on which vehicles are usual at this hour shows none.
    CountAnomaly,
    /// The device's clock is not synchronised.
    ClockUnsynced,
    /// Rows wait for long although the device is online.
    OutboxGrowing,
    /// The server has rejected rows of the device.
    RowsRejected,
    /// A limit or a full disk has cost rows.
    RowsLost,
    /// The device's disk takes nothing any more, or has hardly any room.
    Disk,
    /// Another client has taken the device's connection to the broker away.
    SecondClient,
    /// The cabinet's door is open.
    DoorOpen,
    /// The tag of a watched vehicle asks for priority again too soon.
    TagTooOften,
    /// More emergency vehicles ask for green than there can be.
    TooManyEmergencies,
    /// The tag of a watched vehicle was read where this vehicle cannot have been.
    TagInTwoPlaces,
    /// The certificate with which the device signs in at the broker ends soon, or has ended.
    CertificateExpiring,
}

impl Kind {
    /// Those that are expected while somebody works at a device.
    pub const SILENCE: [Self; 2] = [Self::DeviceOffline, Self::ReaderSilent];
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::DeviceOffline,
        Self::ReaderSilent,
        Self::SignalFault,
        Self::PlanRefused,
        Self::ConfigDiffers,
        Self::CountAnomaly,
        Self::ClockUnsynced,
        Self::OutboxGrowing,
        Self::RowsRejected,
        Self::RowsLost,
        Self::Disk,
        Self::SecondClient,
        Self::DoorOpen,
        Self::TagTooOften,
        Self::TooManyEmergencies,
        Self::TagInTwoPlaces,
        Self::CertificateExpiring,
    ];

    /// Its name in the database and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeviceOffline => "device_offline",
            Self::ReaderSilent => "reader_silent",
            Self::SignalFault => "signal_fault",
            Self::PlanRefused => "plan_refused",
            Self::ConfigDiffers => "config_differs",
            Self::CountAnomaly => "count_anomaly",
            Self::ClockUnsynced => "clock_unsynced",
            Self::OutboxGrowing => "outbox_growing",
            Self::RowsRejected => "rows_rejected",
            Self::RowsLost => "rows_lost",
            Self::Disk => "disk",
            Self::SecondClient => "second_client",
            Self::DoorOpen => "door_open",
            Self::TagTooOften => "tag_too_often",
            Self::TooManyEmergencies => "too_many_emergencies",
            Self::TagInTwoPlaces => "tag_in_two_places",
            Self::CertificateExpiring => "certificate_expiring",
        }
    }

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::SignalFault => Severity::Critical,
            Self::DeviceOffline | Self::RowsLost | Self::Disk | Self::TagInTwoPlaces => Severity::Error,
            Self::DoorOpen => Severity::Info,
            _ => Severity::Warning,
        }
    }

    /// For how long it must last before a person is told, milliseconds.
    const fn delay_ms(self) -> i64 {
        match self {
            Self::ReaderSilent | Self::PlanRefused | Self::Disk | Self::DoorOpen => 60_000,
            // A Pi without a clock battery needs a while after each start.
            Self::ClockUnsynced => 600_000,
            // After an outage of the server or its broker all devices have rows that wait, and bring them.
            Self::OutboxGrowing => 900_000,
            _ => 0,
        }
    }
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// To be looked into on a working day.
    Warning,
    /// To be looked into today.
    Error,
    /// Now.
    Critical,
}

impl Severity {
    /// From the least bad on.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// Its name in the database, in JSON and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The severity of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// Where something is wrong, and what; at most one alarm of each is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The junction.
    pub junction: JunctionId,
    /// The device; `None`: the junction as a whole.
    pub device: Option<DeviceId>,
    /// What.
    pub kind: Kind,
}

/// What is to be recorded and told.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// An alarm opens.
    Open(Place, Finding),
    /// An open alarm says something else now.
    Update(Place, Finding),
    /// An alarm is over.
    Close(Place),
}

/// What has become of an alarm, as people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It has opened.
    Opened,
    /// It says something else.
    Changed,
    /// Somebody has taken notice.
    Acknowledged,
    /// It is over.
    Closed,
}

impl Step {
    /// The step of a name in the database.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "opened" => Self::Opened,
            "changed" => Self::Changed,
            "acknowledged" => Self::Acknowledged,
            "closed" => Self::Closed,
            _ => return None,
        })
    }
}

/// What is wrong at present, and what may become an alarm when it lasts.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    open: BTreeMap<Place, Finding>,
    pending: BTreeMap<Place, UnixMs>,
    /// Rows that each device has lost in all, when it first said so, and when that last grew.
    lost: BTreeMap<DeviceId, (u64, Option<UnixMs>)>,
}

impl Watch {
    /// Goes on from the alarms that are open.
    pub fn new(open: impl IntoIterator<Item = (Place, Finding)>) -> Self {
        let mut watch = Self::default();
        watch.reopen(open);
        watch
    }

    /// Takes over which alarms are open, whatever it knew of that. What it knows of losses stays: a device tells of each only by a greater number.
    pub fn reopen(&mut self, open: impl IntoIterator<Item = (Place, Finding)>) {
        self.open = open.into_iter().collect();
        for (place, finding) in self.open.iter().filter(|(place, _)| place.kind == Kind::RowsLost) {
            if let (Some(device), Some((rows, last))) = (place.device, signs::lost_before(finding)) {
                self.lost.entry(device).or_insert((rows, Some(last)));
            }
        }
    }

    /// Replaces what was found of some kinds at a device, or at a junction as a whole.
    pub fn handle(
        &mut self,
        junction: JunctionId,
        device: Option<DeviceId>,
        kinds: &[Kind],
        findings: &[Finding],
        now: UnixMs,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for kind in kinds {
            let place = Place { junction, device, kind: *kind };
            let Some(finding) = findings.iter().find(|finding| finding.kind == *kind) else {
                self.pending.remove(&place);
                if self.open.remove(&place).is_some() {
                    changes.push(Change::Close(place));
                }
                continue;
            };
            if let Some(open) = self.open.get_mut(&place) {
                if open.message != finding.message {
                    open.clone_from(finding);
                    changes.push(Change::Update(place, finding.clone()));
                }
                continue;
            }
            let since = *self.pending.entry(place).or_insert(now);
            if now.since(since) >= kind.delay_ms() {
                self.pending.remove(&place);
                self.open.insert(place, finding.clone());
                changes.push(Change::Open(place, finding.clone()));
            }
        }
        changes
    }

    /// Takes in what a device says of itself.
    pub fn handle_status(
        &mut self,
        junction: JunctionId,
        status: &flextraff_common::wire::Status,
        in_maintenance: bool,
        now: UnixMs,
    ) -> Vec<Change> {
        if !status.online {
            return Vec::new();
        }
        let mut findings = of_status(status);
        findings.retain(|finding| !in_maintenance || !Kind::SILENCE.contains(&finding.kind));
        if let Some(outbox) = &status.outbox {
            let (most, grew) = self.lost.entry(status.device_id).or_insert((outbox.dropped, None));
            if outbox.dropped > *most {
                *grew = Some(now);
            }
            *most = outbox.dropped;
            findings.extend(grew.and_then(|grew| signs::lost(outbox.dropped, grew, now)));
        }
        self.handle(junction, Some(status.device_id), &signs::KINDS, &findings, now)
    }

    /// Forgets a device or junction that is gone; what was open there is over.
    pub fn retain(&mut self, there: impl Fn(&Place) -> bool) -> Vec<Change> {
        self.pending.retain(|place, _| there(place));
        let gone: Vec<Place> = self.open.keys().filter(|place| !there(place)).copied().collect();
        for place in &gone {
            self.open.remove(place);
        }
        gone.into_iter().map(Change::Close).collect()
    }
}
