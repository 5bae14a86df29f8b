//! The watch-list and its key over restarts: an ambulance gets its green also where the network is away since the start.

use super::recording::ToKeep;
use super::{LampInput, RecorderInput, Supervisor};
use crate::config::Config;
use crate::identity::store;
use flextraff_common::epc::TagKey;
use flextraff_common::wire::{Keys, Watchlist};
use serde::{Deserialize, Serialize};

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Watched {
    key: Option<TagKey>,
    list: Option<Watchlist>,
}

impl Watched {
    /// As an earlier run left it. A file that cannot be used costs the list, which the server sends again.
    pub(super) fn open(config: &Config) -> Self {
        let path = store::watchlist_path(&config.outbox.path);
        store::load(&path).unwrap_or_else(|error| {
            tracing::error!(file = %path.display(), %error, "the watch-list cannot be read; emergency vehicles and buses are known when the server has sent it again");
            Self::default()
        })
    }
}

impl Supervisor {
    /// Goes on with what an earlier run kept.
    pub(super) fn restore_watched(&mut self, kept: Watched) {
        self.watched = kept.clone();
        let Watched { key, list } = kept;
        if let Some(key) = key {
            self.handle_keys(Keys { watchlist_key: Some(key), city: Vec::new() });
        }
        if let Some(list) = list {
            self.handle_watchlist(list);
        }
    }

    pub(super) fn handle_watchlist(&mut self, list: Watchlist) {
        if let Some(forwarder) = &mut self.forwarder {
            forwarder.handle_watchlist(&list);
        }
        let kept = Watched { list: Some(list.clone()), ..self.watched.clone() };
        self.keep_watched(kept);
        self.to_lamps(LampInput::Watchlist(list));
    }

    pub(super) fn keep_watchlist_key(&mut self, key: Option<&TagKey>) {
        if let Some(key) = key {
            let kept = Watched { key: Some(key.clone()), ..self.watched.clone() };
            self.keep_watched(kept);
        }
    }

    fn keep_watched(&mut self, kept: Watched) {
        if kept == self.watched {
            return;
        }
        self.watched = kept.clone();
        self.recorder.bring(RecorderInput::Keep(ToKeep::Watched(Box::new(kept))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample::two_lanes;

    #[test]
    fn a_damaged_file_costs_the_list_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = folder.path().join("outbox.sqlite");
        let config = two_lanes(&format!("[outbox]\npath = \"{}\"\n", outbox.display()));
        assert_eq!(Watched::open(&config), Watched::default(), "there is none at first");
        let kept = Watched { key: Some(TagKey::new([7; 32])), list: Some(Watchlist::default()) };
        store::save(&store::watchlist_path(&outbox), &kept).expect("it is saved");
        assert_eq!(Watched::open(&config), kept);
        std::fs::write(store::watchlist_path(&outbox), b"{\"key\": 7").expect("it is damaged");
        assert_eq!(Watched::open(&config), Watched::default());
    }
}
