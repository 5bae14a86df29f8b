//! Which devices are there, and what each must be told or asked; pure.

use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::Status;
use std::collections::BTreeMap;

/// After so long a device that is there gets its keys again, milliseconds: they are sent two weeks ahead.
const KEYS_AGAIN_MS: i64 = 24 * 3_600_000;
/// After so long a device is asked again for a configuration that has not come, milliseconds.
const ASK_AGAIN_MS: i64 = 60_000;

/// What is to be done about a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It needs its keys.
    SendKeys(JunctionId, DeviceId),
    /// It runs on a configuration of this hash, which may be known or not.
    LearnConfig(JunctionId, DeviceId, String),
}

/// The devices that are there.
#[derive(Debug, Default)]
pub struct Presence {
    devices: BTreeMap<DeviceId, Known>,
}

#[derive(Debug)]
struct Known {
    keys_at: UnixMs,
    /// The configuration that was asked for last, and when; `None` as time: it is known.
    config: Option<(String, Option<UnixMs>)>,
}

impl Presence {
    /// Takes in what a device says of itself.
    pub fn handle_status(&mut self, junction: JunctionId, status: &Status, now: UnixMs) -> Vec<Action> {
        let device = status.device_id;
        if !status.online {
            self.devices.remove(&device);
            return Vec::new();
        }
        let mut actions = Vec::new();
        let known = self.devices.entry(device).or_insert_with(|| {
            actions.push(Action::SendKeys(junction, device));
            Known { keys_at: now, config: None }
        });
        if now.0.saturating_sub(known.keys_at.0) >= KEYS_AGAIN_MS {
            known.keys_at = now;
            actions.push(Action::SendKeys(junction, device));
        }
        if let Some(hash) = &status.config_hash {
            let wanted = match &known.config {
                Some((asked, _)) if asked != hash => true,
                Some((_, Some(at))) => now.0.saturating_sub(at.0) >= ASK_AGAIN_MS,
                Some((_, None)) => false,
                None => true,
            };
            if wanted {
                known.config = Some((hash.clone(), Some(now)));
                actions.push(Action::LearnConfig(junction, device, hash.clone()));
            }
        }
        actions
    }

    /// The configuration of this hash is known.
    pub fn config_is_known(&mut self, device: DeviceId, hash: &str) {
        if let Some(config) = self.devices.get_mut(&device).and_then(|known| known.config.as_mut())
            && config.0 == hash
        {
            config.1 = None;
        }
    }

    /// A device is silent: when it speaks again it comes online.
    pub fn gone(&mut self, device: DeviceId) {
        self.devices.remove(&device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    const JUNCTION: JunctionId = JunctionId(Uuid::from_u128(1));
    const DEVICE: DeviceId = DeviceId(Uuid::from_u128(2));

    fn status(online: bool, hash: &str) -> Status {
        serde_json::from_value(json!({ "device_id": DEVICE, "online": online, "config_hash": hash })).unwrap()
    }

    fn keys() -> Action {
        Action::SendKeys(JUNCTION, DEVICE)
    }

    fn learn(hash: &str) -> Action {
        Action::LearnConfig(JUNCTION, DEVICE, hash.to_owned())
    }

    #[test]
    fn a_device_that_comes_online_gets_its_keys_once_and_is_asked_until_its_configuration_is_known() {
        let mut presence = Presence::default();
        let at = |second: i64, presence: &mut Presence, status: &Status| {
            presence.handle_status(JUNCTION, status, UnixMs(second * 1000))
        };
        assert_eq!(at(0, &mut presence, &status(true, "a")), [keys(), learn("a")]);
        assert_eq!(at(30, &mut presence, &status(true, "a")), []);
        assert_eq!(at(60, &mut presence, &status(true, "a")), [learn("a")], "no answer came");
        presence.config_is_known(DEVICE, "a");
        assert_eq!(at(600, &mut presence, &status(true, "a")), []);
        assert_eq!(at(601, &mut presence, &status(true, "b")), [learn("b")], "at once");
        presence.config_is_known(DEVICE, "a");
        assert_eq!(at(661, &mut presence, &status(true, "b")), [learn("b")], "the other one is known");
        assert_eq!(at(700, &mut presence, &status(false, "b")), []);
        assert_eq!(at(701, &mut presence, &status(true, "b")), [keys(), learn("b")]);
        presence.gone(DEVICE);
        assert_eq!(at(702, &mut presence, &status(true, "b")), [keys(), learn("b")]);
    }

    #[test]
    fn who_stays_gets_keys_each_day() {
        let mut presence = Presence::default();
        let day = 86_400_000;
        let silent: Status = serde_json::from_value(json!({ "device_id": DEVICE, "online": true })).unwrap();
        let mut at = |time: i64| presence.handle_status(JUNCTION, &silent, UnixMs(time));
        assert_eq!(at(0), [keys()]);
        assert_eq!(at(day - 1), []);
        assert_eq!(at(day), [keys()]);
        assert_eq!(at(day + 30_000), []);
    }
}
