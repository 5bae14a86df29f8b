//! Which key serves, and names under it.

use super::Sighting;
use crate::config::Privacy;
use crate::reader::Read;
use flextraff_common::epc::{Epc, KeyId, Pseudonym, TagKey};
use flextraff_common::ids::BootId;
use flextraff_common::time::{ClockState, Moment, MonoMs, UnixMs};
use flextraff_common::wire::{CityKey, Keys, MAX_CITY_KEYS};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long after a change of key the name under the key before is told, milliseconds.
const PREV_MS: i64 = 2 * 3_600_000;
/// How long a key that the agent makes itself serves, milliseconds.
const LOCAL_MS: i64 = 24 * 3_600_000;
/// What a clock that is kept may be off by before that is written down anew, milliseconds: a few days' drift.
const CLOCK_STEP_MS: u64 = 60_000;
/// How the names of such keys begin.
const LOCAL: &str = "local-";

/// Where random keys come from.
pub type Fresh = Box<dyn FnMut() -> [u8; 32] + Send + Sync>;

/// What must survive a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptKeys {
    /// Keys of the city.
    #[serde(default)]
    pub city: Vec<CityKey>,
    /// The key that serves.
    #[serde(default)]
    pub serving: Option<KeptKey>,
    /// The one before.
    #[serde(default)]
    pub before: Option<KeptKey>,
    /// When the one that serves took its place.
    #[serde(default)]
    pub changed_at: Option<UnixMs>,
    /// When a key of the agent's own is to be replaced; absent: it serves since the clock has not been synchronised.
    #[serde(default)]
    pub local_until: Option<UnixMs>,
    /// The uptime in which the rest was written.
    #[serde(default)]
    pub boot: Option<BootId>,
    /// Wall time minus monotonic time of that uptime, as a synchronised clock has shown it last; absent: none has.
    #[serde(default)]
    pub clock_ms: Option<i64>,
}

impl KeptKeys {
    /// As it holds in an uptime: what the clock of another one has shown says nothing.
    #[must_use]
    pub fn in_uptime(self, boot: BootId) -> Self {
        let clock_ms = self.clock_ms.filter(|_| self.boot == Some(boot));
        Self { boot: Some(boot), clock_ms, ..self }
    }
}

/// A key and its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptKey {
    /// Its name.
    pub key_id: KeyId,
    /// The key.
    pub key: TagKey,
}

/// Names vehicles. Pure: time comes in, what is to be kept goes out.
pub struct Names {
    privacy: Privacy,
    kept: KeptKeys,
    fresh: Fresh,
    watchlist_key: Option<TagKey>,
    /// When the key that serves took its place.
    changed: Option<MonoMs>,
    unsaved: bool,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("privacy", &self.privacy)
            .field("kept", &self.kept)
            .finish_non_exhaustive()
    }
}

impl Names {
    /// Goes on with what an earlier run kept. With [`Privacy::Raw`] EPCs stay as they are, and no key is kept.
    pub fn new(privacy: Privacy, kept: KeptKeys, fresh: Fresh, now: Moment) -> Self {
        let mut names = Self { privacy, kept, fresh, watchlist_key: None, changed: None, unsaved: false };
        let now = names.hold_over(now);
        let elapsed_ms = names.kept.changed_at.map(|at| now.wall.since(at).clamp(0, PREV_MS));
        names.changed = elapsed_ms.map(|elapsed| now.mono - elapsed);
        names.handle_timeout(now);
        names
    }

    /// A moment by what is known of the wall clock. One that was synchronised earlier in this uptime still says what day it is: by the monotonic
    /// clock, which a time service has set right and which drifts by seconds a day without one. So a junction that is cut off for days changes
    /// its keys with the others.
    fn hold_over(&mut self, now: Moment) -> Moment {
        if self.privacy == Privacy::Raw {
            return now;
        }
        if now.clock == ClockState::Synced {
            let clock_ms = now.wall.0.saturating_sub(now.mono.0);
            if self.kept.clock_ms.is_none_or(|kept| kept.abs_diff(clock_ms) > CLOCK_STEP_MS) {
                self.unsaved = true;
            }
            self.kept.clock_ms = Some(clock_ms);
            return now;
        }
        self.kept.clock_ms.map_or(now, |clock_ms| Moment {
            wall: UnixMs(now.mono.0.saturating_add(clock_ms)),
            clock: ClockState::Synced,
            ..now
        })
    }

    /// Takes keys. One that contradicts a key of the same name, or whose period is none, is left out; the reasons come back.
    pub fn handle_keys(&mut self, keys: &Keys, now: Moment) -> Vec<String> {
        if let Some(key) = &keys.watchlist_key {
            self.watchlist_key = Some(key.clone());
        }
        if self.privacy == Privacy::Raw {
            return Vec::new();
        }
        let now = self.hold_over(now);
        let mut refused = Vec::new();
        for key in keys.city.iter().take(MAX_CITY_KEYS) {
            match self.take(key) {
                Ok(is_new) => self.unsaved |= is_new,
                Err(reason) => refused.push(format!("pseudonym key {}: {reason}", key.key_id)),
            }
        }
        if keys.city.len() > MAX_CITY_KEYS {
            refused.push(format!("{} keys are too many; the first {MAX_CITY_KEYS} count", keys.city.len()));
        }
        self.handle_timeout(now);
        self.prune(now);
        refused
    }

    fn take(&mut self, key: &CityKey) -> Result<bool, &'static str> {
        if key.key_id.as_str().starts_with(LOCAL) {
            return Err("names that begin with local- are those of keys that devices make themselves");
        }
        if key.valid_from >= key.valid_until {
            return Err("valid_until does not lie after valid_from");
        }
        match self.kept.city.iter_mut().find(|known| known.key_id == key.key_id) {
            Some(known) if known.key != key.key => Err("another key has this name already"),
            Some(known) => {
                let is_new = *known != *key;
                *known = key.clone();
                Ok(is_new)
            }
            None => {
                self.kept.city.push(key.clone());
                Ok(true)
            }
        }
    }

    /// Forgets keys whose period is over for good, and the oldest of too many; never the last one.
    fn prune(&mut self, now: Moment) {
        let city = &mut self.kept.city;
        city.sort_by_key(|key| (key.valid_from, key.key_id));
        let serving = self.kept.serving.as_ref().map(|key| key.key_id);
        let before = city.len();
        if now.clock == ClockState::Synced {
            city.retain(|key| Some(key.key_id) == serving || now.wall < key.valid_until);
        }
        while city.len() > MAX_CITY_KEYS + 1 {
            let oldest = city.iter().position(|key| Some(key.key_id) != serving).unwrap_or(0);
            city.remove(oldest);
        }
        self.unsaved |= city.len() != before;
    }

    /// Lets the time pass: the next key serves when its period begins. To be called each second.
    pub fn handle_timeout(&mut self, now: Moment) {
        if self.privacy == Privacy::Raw {
            return;
        }
        let now = self.hold_over(now);
        match self.due(now) {
            Some(city) => {
                let next = KeptKey { key_id: city.key_id, key: city.key.clone() };
                self.serve(next, now);
            }
            None => self.serve_local(now),
        }
        if self.kept.before.is_some() && self.changed.is_none_or(|at| now.mono.since(at) >= PREV_MS) {
            self.kept.before = None;
            self.unsaved = true;
            self.prune(now);
        }
    }

    /// The key of the city that is to serve; none: one of the agent's own.
    fn due(&self, now: Moment) -> Option<&CityKey> {
        let serving = self.kept.serving.as_ref();
        let serves =
            self.kept.city.iter().find(|key| serving.is_some_and(|serving| serving.key_id == key.key_id));
        if now.clock != ClockState::Synced && serves.is_some() {
            return serves;
        }
        let begun = self.kept.city.iter().filter(|key| key.valid_from <= now.wall);
        let valid = begun.clone().filter(|key| now.wall < key.valid_until).max_by_key(|key| key.valid_from);
        let last = || serves.or_else(|| begun.max_by_key(|key| (key.valid_until, key.valid_from)));
        let first = || {
            let unsure = now.clock != ClockState::Synced;
            self.kept.city.iter().filter(|_| unsure).min_by_key(|key| key.valid_from)
        };
        valid.or_else(last).or_else(first)
    }

    fn serve_local(&mut self, now: Moment) {
        let is_synced = now.clock == ClockState::Synced;
        let is_over = is_synced && self.kept.local_until.is_some_and(|until| until <= now.wall);
        if self.kept.serving.is_none() || is_over {
            let bytes = (self.fresh)();
            // Part of a second draw: the name tells nothing of the key.
            let [a, b, c, d, ..] = (self.fresh)();
            if let Ok(key_id) = format!("{LOCAL}{a:02x}{b:02x}{c:02x}{d:02x}").parse() {
                self.kept.local_until = None;
                self.serve(KeptKey { key_id, key: TagKey::new(bytes) }, now);
            }
        }
        if is_synced && self.kept.local_until.is_none() {
            self.kept.local_until = Some(now.wall + LOCAL_MS);
            self.unsaved = true;
        }
    }

    fn serve(&mut self, next: KeptKey, now: Moment) {
        if self.kept.serving.as_ref().is_some_and(|serving| serving.key_id == next.key_id) {
            return;
        }
        self.kept.before = self.kept.serving.replace(next);
        self.kept.changed_at = Some(now.wall);
        self.changed = Some(now.mono);
        self.unsaved = true;
    }

    /// Gives a read's vehicle its name.
    pub fn sight(&self, read: &Read) -> Sighting {
        let name = |key: &KeptKey| Pseudonym::of(&read.epc, key.key_id, &key.key).map(Epc::from);
        let serving = self.kept.serving.as_ref().filter(|_| self.privacy == Privacy::Pseudonym);
        let Some(epc) = serving.and_then(name) else { return Sighting::from(read) };
        Sighting {
            read: Read { epc, ..*read },
            prev: self.kept.before.as_ref().and_then(name),
            fastag: read.epc.is_fastag(),
            keyed: self.watchlist_key.as_ref().map(|key| key.tag(&read.epc)),
        }
    }

    /// The name of a vehicle that was kept under another setting.
    pub fn name(&self, epc: Epc) -> Epc {
        let serving = self.kept.serving.as_ref().filter(|_| self.privacy == Privacy::Pseudonym);
        let name = serving.and_then(|key| Pseudonym::of(&epc, key.key_id, &key.key));
        name.map_or(epc, Epc::from)
    }

    /// Name of the key that serves; none with [`Privacy::Raw`].
    pub fn key_id(&self) -> Option<KeyId> {
        self.kept.serving.as_ref().map(|key| key.key_id).filter(|_| self.privacy == Privacy::Pseudonym)
    }

    /// What is to be kept, when it has changed since the last call.
    pub fn take_unsaved(&mut self) -> Option<KeptKeys> {
        std::mem::take(&mut self.unsaved).then(|| self.kept.clone())
    }
}
