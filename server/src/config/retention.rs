//! `[retention]`: how long data is kept.

use super::Key;

/// How long data is kept, days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// EPCs of vehicles; afterwards only the counts stay.
    pub epc_days: u32,
    /// Counts, cycles and events.
    pub counts_days: u32,
    /// The audit log, and overrides that are over: who did what.
    pub audit_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { epc_days: 30, counts_days: 730, audit_days: 3650 }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        section: "retention",
        name: "epc_days",
        set: |config, given| given.integer(1, 3650).map(|days| config.retention.epc_days = days),
        show: |config| Some(i64::from(config.retention.epc_days).into()),
    },
    Key {
        section: "retention",
        name: "counts_days",
        set: |config, given| given.integer(1, 36500).map(|days| config.retention.counts_days = days),
        show: |config| Some(i64::from(config.retention.counts_days).into()),
    },
    Key {
        section: "retention",
        name: "audit_days",
        // The database lets nothing go that is younger than a year.
        set: |config, given| given.integer(366, 36500).map(|days| config.retention.audit_days = days),
        show: |config| Some(i64::from(config.retention.audit_days).into()),
    },
];
