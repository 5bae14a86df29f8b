//! Keys that come, serve and are kept.

use super::recording::ToKeep;
use super::{LampInput, RecorderInput, Supervisor};
use crate::clock::Clock;
use crate::config::{Config, Privacy};
use crate::identity::{KeptKeys, Names, SharedNames, store};
use crate::link::LinkRequest;
use flextraff_common::ids::BootId;
use flextraff_common::time::Moment;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Demand, DemandPassage, Keys, encode};
use ring::rand::{Random, SystemRandom, generate};

/// The names as an earlier run left them. A file that cannot be used costs its keys, which the server sends again.
pub(super) fn open(config: &Config, clock: &Clock, boot: BootId) -> SharedNames {
    let kept = if config.privacy == Privacy::Pseudonym {
        let path = store::path(&config.outbox.path);
        store::load(&path).unwrap_or_else(|error| {
            tracing::error!(file = %path.display(), %error, "the pseudonym keys cannot be read; vehicles get names of this device's own until the server sends the keys again");
            KeptKeys::default()
        })
    } else {
        KeptKeys::default()
    };
    SharedNames::new(Names::new(config.privacy, kept.in_uptime(boot), Box::new(random), clock.now()))
}

/// 256 random bits.
fn random() -> [u8; 32] {
    let bytes: Result<Random<[u8; 32]>, _> = generate(&SystemRandom::new());
    bytes.expect("a system on which nothing is random has no UUIDs either").expose()
}

impl Supervisor {
    pub(super) fn handle_keys(&mut self, keys: Keys) {
        let now = self.clock.now();
        for reason in self.show.names.update(|names| names.handle_keys(&keys, now)) {
            tracing::warn!(reason, "a pseudonym key is left out");
        }
        self.tend_keys(&now);
        self.keep_watchlist_key(keys.watchlist_key.as_ref());
        if let Some(forwarder) = &mut self.forwarder {
            forwarder.handle_keys(&keys);
        }
        // The lamp loop gets vehicles that have their names.
        self.to_lamps(LampInput::Keys(Keys { city: Vec::new(), ..keys }));
    }

    /// Lets the key of the present period serve, and keeps the keys over restarts.
    pub(super) fn tend_keys(&mut self, now: &Moment) {
        let (unsaved, serving) = self.show.names.update(|names| {
            names.handle_timeout(*now);
            (names.take_unsaved(), names.key_id())
        });
        if serving != self.key_id {
            self.key_id = serving;
            if let Some(key) = serving {
                tracing::info!(%key, "vehicles are named under this pseudonym key");
            }
        }
        if let Some(kept) = unsaved {
            self.recorder.bring(RecorderInput::Keep(ToKeep::Keys(Box::new(kept))));
        }
    }

    /// Tells the other devices of the junction which vehicles are counted here.
    pub(super) fn tell_passages(&self, passages: Vec<DemandPassage>) {
        let demand = Demand { passages, ..Demand::new(self.config.device, self.clock.now().wall) };
        self.to_link(LinkRequest::Live(Topic::Demand(self.config.junction.id), encode(&demand)));
    }
}
