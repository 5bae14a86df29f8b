//! The devices of this junction that count for its lamps, and whether they are still heard.

use flextraff_common::ids::DeviceId;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Demand;
use std::collections::BTreeMap;

/// After so long without a word the lanes that only such a device watches count as not watched, milliseconds.
const HEARD_MS: i64 = 10_000;
/// Most devices that are remembered; more than a junction has lanes.
const MOST_DEVICES: usize = 64;

/// The devices that have said since the start that they watch lanes.
#[derive(Debug, Default)]
pub(super) struct Others {
    heard: BTreeMap<DeviceId, Heard>,
}

#[derive(Debug)]
struct Heard {
    at: MonoMs,
    /// Whether it was told that nothing is heard of it.
    silent: bool,
}

impl Others {
    /// Takes what another device of this junction tells; whether it is heard again after it was told to be silent.
    fn handle(&mut self, demand: &Demand, at: MonoMs) -> bool {
        let is_known = self.heard.contains_key(&demand.device_id);
        if !is_known && (demand.watched.is_none() || self.heard.len() >= MOST_DEVICES) {
            return false;
        }
        let before = self.heard.insert(demand.device_id, Heard { at, silent: false });
        before.is_some_and(|before| before.silent)
    }

    /// Those of which nothing has been heard for too long, each once.
    fn handle_timeout(&mut self, now: MonoMs) -> Vec<DeviceId> {
        let silent =
            self.heard.iter_mut().filter(|(_, heard)| !heard.silent && now.since(heard.at) > HEARD_MS);
        silent.map(|(device, heard)| (*device, heard.silent = true).0).collect()
    }

    /// Takes what another device of this junction tells, and says in the log when it is heard again.
    pub(super) fn note(&mut self, demand: &Demand, at: MonoMs) {
        if self.handle(demand, at) {
            tracing::info!(device = %demand.device_id, "another device of this junction is heard again");
        }
    }

    /// Says in the log who is no longer heard.
    pub(super) fn log_silent(&mut self, now: MonoMs) {
        for device in self.handle_timeout(now) {
            tracing::warn!(%device, "another device of this junction is no longer heard; the lanes that only it watches count as not watched");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::time::UnixMs;
    use uuid::Uuid;

    #[test]
    fn who_counts_and_falls_silent_is_told_once_and_so_is_its_return() {
        let device = DeviceId(Uuid::from_u128(7));
        let demand = |watched: Option<&str>| Demand {
            watched: watched.map(|lane| vec![lane.to_owned()]),
            ..Demand::new(device, UnixMs(0))
        };
        let mut others = Others::default();
        assert!(!others.handle(&demand(None), MonoMs(0)));
        assert_eq!(others.handle_timeout(MonoMs(60_000)), [], "one that watches nothing is not missed");
        assert!(!others.handle(&demand(Some("N")), MonoMs(60_000)));
        assert!(!others.handle(&demand(None), MonoMs(61_000)));
        assert_eq!(others.handle_timeout(MonoMs(71_000)), []);
        assert_eq!(others.handle_timeout(MonoMs(71_001)), [device]);
        assert_eq!(others.handle_timeout(MonoMs(72_000)), [], "once");
        assert!(others.handle(&demand(None), MonoMs(73_000)));
        assert!(!others.handle(&demand(None), MonoMs(74_000)));
    }
}
