//! A device that only counts tells its reads to the light controller of its junction, which may have no reader of its own.

use crate::config::{Antennas, Config, StopLines};
use crate::estimation::Priority;
use crate::identity::Sighting;
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{Demand, DemandRead, Keys, Watchlist, ZoneName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Time between two messages with reads, milliseconds.
const BATCH_MS: i64 = 200;
/// Time between two reads of one tag in one zone that are told, milliseconds.
const AGAIN_MS: i64 = 500;
/// Time between two messages that say which lanes are watched, milliseconds.
const WATCHED_MS: i64 = 1000;
/// Most reads in one message: below the largest payload.
const MOST_READS: usize = 1000;

/// Makes the demand messages of a device that only counts.
#[derive(Debug)]
pub struct Forwarder {
    config: Arc<Config>,
    /// Whom the junction looks out for: only who reads a tag can tell, where others are told pseudonyms.
    watchlist: Priority,
    reads: Vec<DemandRead>,
    told: BTreeMap<(LaneIx, ZoneName, Epc), MonoMs>,
    sent: MonoMs,
    watched_due: MonoMs,
}

impl Forwarder {
    /// One that has told nothing yet.
    pub fn new(config: Arc<Config>, start: MonoMs) -> Self {
        Self {
            config,
            watchlist: Priority::default(),
            reads: Vec::new(),
            told: BTreeMap::new(),
            sent: start,
            watched_due: start,
        }
    }

    /// Takes the key under which watch-lists name vehicles.
    pub fn handle_keys(&mut self, keys: &Keys) {
        self.watchlist.handle_keys(keys);
    }

    /// Takes the vehicles that the junction looks out for.
    pub fn handle_watchlist(&mut self, list: &Watchlist) {
        self.watchlist.handle_watchlist(list);
    }

    /// Goes on under another configuration of the same junction.
    pub fn reconfigure(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// Takes a read.
    pub fn handle_read(&mut self, read: impl Into<Sighting>) {
        let sighting = read.into();
        let read = &sighting.read;
        if !self.config.counting.accepts(sighting.fastag)
            && !self.watchlist.looks_for(&read.epc, sighting.keyed)
        {
            return;
        }
        let key = (read.lane, read.zone, read.epc);
        let told_of_late = self.told.get(&key).is_some_and(|told| read.at.since(*told) < AGAIN_MS);
        if told_of_late || self.reads.len() >= MOST_READS {
            return;
        }
        self.told.insert(key, read.at);
        let lane = self.config.junction.lane(read.lane).name.clone();
        let watched = sighting.keyed.filter(|tag| self.watchlist.watches(*tag));
        self.reads.push(DemandRead { lane, zone: read.zone, epc: read.epc.to_string(), watched });
    }

    /// When there is something to tell.
    pub fn next_timeout(&self) -> MonoMs {
        if self.reads.is_empty() { self.watched_due } else { self.watched_due.min(self.sent + BATCH_MS) }
    }

    /// What is to be told now; `watched`: see [`watched`].
    pub fn handle_timeout(&mut self, now: Moment, watched: impl FnOnce() -> Vec<String>) -> Option<Demand> {
        if now.mono < self.next_timeout() {
            return None;
        }
        self.sent = now.mono;
        let whole = now.mono >= self.watched_due;
        if whole {
            self.watched_due = now.mono + WATCHED_MS;
            self.told.retain(|_, told| now.mono.since(*told) < AGAIN_MS);
        }
        Some(Demand {
            reads: std::mem::take(&mut self.reads),
            watched: whole.then(watched),
            ..Demand::new(self.config.device, now.wall)
        })
    }
}

/// Names of the lanes whose stop line a reader watches, each through these antennas; with `all` also of those that no reader of this device watches.
pub fn watched<A: Into<Antennas>>(config: &Config, antennas: impl Fn(usize) -> A, all: bool) -> Vec<String> {
    let junction = &config.junction;
    let watched = StopLines::new(junction.lanes().len(), &config.readers).watched(antennas, all);
    let lanes = junction.lanes().iter().zip(watched).filter(|(_, watched)| *watched);
    lanes.map(|(lane, _)| lane.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample::two_lanes;
    use crate::reader::Read;
    use flextraff_common::time::{ClockState, UnixMs};

    fn config() -> Arc<Config> {
        two_lanes(
            r#"
            type = "rfid_counter"
            [[reader]]
            name = "north"
            port = "virtual"
            lanes = { "1" = "N", "2" = "E:advance" }
            "#,
        )
    }

    fn read(ms: i64, zone: ZoneName) -> Read {
        let epc = "34161FA8203E7CB202000020".parse().expect("an EPC");
        Read { lane: LaneIx::new(0), zone, epc, rssi: None, at: MonoMs(ms) }
    }

    fn at(ms: i64) -> Moment {
        Moment { mono: MonoMs(ms), wall: UnixMs(ms), clock: ClockState::Synced }
    }

    #[test]
    fn a_tag_is_told_twice_a_second_and_zone_in_messages_200_ms_apart() {
        let mut forwarder = Forwarder::new(config(), MonoMs(0));
        let mut told = Vec::new();
        for ms in (0..3000).step_by(20) {
            forwarder.handle_read(&read(ms, ZoneName::StopLine));
            forwarder.handle_read(&read(ms, ZoneName::Advance));
            if let Some(demand) = forwarder.handle_timeout(at(ms), || vec!["N".to_owned()]) {
                told.push((ms, demand));
            }
        }
        let of =
            |zone| told.iter().flat_map(|(_, told)| &told.reads).filter(|read| read.zone == zone).count();
        assert_eq!((of(ZoneName::StopLine), of(ZoneName::Advance)), (6, 6));
        let with_reads: Vec<i64> =
            told.iter().filter(|(_, told)| !told.reads.is_empty()).map(|(ms, _)| *ms).collect();
        assert!(with_reads.windows(2).all(|pair| pair[1] - pair[0] >= BATCH_MS), "{with_reads:?}");
        let watched: Vec<i64> =
            told.iter().filter(|(_, told)| told.watched.is_some()).map(|(ms, _)| *ms).collect();
        assert_eq!(watched, [0, 1000, 2000], "also when nobody comes");
    }

    #[test]
    fn a_pseudonym_on_the_watch_list_is_told_with_its_tag_under_the_junctions_key() {
        let key = flextraff_common::epc::TagKey::new([7; 32]);
        let raw = read(0, ZoneName::Advance);
        let class = flextraff_common::wire::WatchedClass::Emergency;
        let listed = |tag| flextraff_common::wire::Watched { tag, class, valid_until: UnixMs(i64::MAX) };
        let mut forwarder = Forwarder::new(config(), MonoMs(0));
        forwarder.handle_watchlist(&Watchlist { entries: vec![listed(key.tag(&raw.epc))] });
        let tell = |forwarder: &mut Forwarder, keyed, ms| {
            let read = read(ms, ZoneName::Advance);
            forwarder.handle_read(Sighting { keyed, ..Sighting::from(&read) });
            forwarder.handle_timeout(at(ms + 300), Vec::new).expect("there is news").reads[0].watched
        };
        assert_eq!(tell(&mut forwarder, Some(key.tag(&raw.epc)), 0), Some(key.tag(&raw.epc)));
        let other = "34161FA8203E7CB202000040".parse().expect("an EPC");
        assert_eq!(tell(&mut forwarder, Some(key.tag(&other)), 1000), None, "nobody else's");
    }

    #[test]
    fn watched_are_the_lanes_whose_stop_line_a_working_reader_sees() {
        let config = config();
        assert_eq!(watched(&config, |_| true, false), ["N"]);
        assert_eq!(watched(&config, |_| false, false), [""; 0]);
        let up = Antennas::from(true);
        assert_eq!(watched(&config, |_| up.without(Some(1)), false), [""; 0]);
        assert_eq!(watched(&config, |_| up.without(Some(2)), false), ["N"]);
        assert_eq!(watched(&config, |_| false, true), ["E"], "only announced by a reader, counted by nobody");
    }
}
