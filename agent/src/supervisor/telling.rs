//! What others are told as it happens: demand, signal and status.

use super::{Rate, SIGNAL_PERIOD_MS, Supervisor, forward, messages};
use crate::health;
use crate::link::LinkRequest;
use flextraff_common::time::Moment;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Demand, PlanStatus, encode};
use std::sync::atomic::Ordering::Relaxed;

/// Cards take a second or two now and then; longer than this is worth a word, milliseconds.
const STANDS_STILL_MS: i64 = 10_000;

impl Supervisor {
    /// Tells others the reads of a device that only counts, as far as due.
    pub(super) fn forward(&mut self, now: Moment) {
        let (config, readers) = (&self.config, &self.readers);
        let antennas = |reader: usize| {
            let port = readers.get(reader).and_then(Option::as_ref);
            port.map(|port| port.stats().antennas()).unwrap_or_default()
        };
        let forwarder = self.forwarder.as_mut();
        let demand = forwarder.and_then(|forwarder| {
            forwarder.handle_timeout(now, || forward::watched(config, antennas, false))
        });
        if let Some(demand) = demand {
            self.tell_demand(&demand);
        }
    }

    pub(super) fn tell_demand(&self, demand: &Demand) {
        self.to_link(LinkRequest::Live(Topic::Demand(self.config.junction.id), encode(demand)));
    }

    /// Reads per second of each reader, over the last status period.
    pub(super) fn measure(&mut self, now: &Moment) {
        let reads: Vec<u64> =
            self.readers.iter().map(|port| port.as_ref().map_or(0, |port| port.stats().reads())).collect();
        if self.rates.len() != reads.len() {
            self.rates = reads.iter().map(|&reads| Rate { at: now.mono, reads, per_s: 0.0 }).collect();
        }
        for (rate, reads) in self.rates.iter_mut().zip(reads) {
            let elapsed_ms = now.mono.since(rate.at);
            if elapsed_ms >= health::PERIOD_MS {
                let per_s = reads.saturating_sub(rate.reads) as f64 * 1000.0 / elapsed_ms as f64;
                *rate = Rate { at: now.mono, reads, per_s: (per_s * 10.0).round() / 10.0 };
            }
        }
    }

    pub(super) fn tell_signal(&mut self, now: &Moment) {
        let Some(shown) = &self.shown else { return };
        let signal = messages::signal(&self.config.junction, shown, now);
        self.signal_due = now.mono + SIGNAL_PERIOD_MS;
        self.to_link(LinkRequest::Live(Topic::Signal(self.config.junction.id), encode(&signal)));
    }

    /// What became of a plan.
    pub(super) fn tell_plan(&mut self, status: PlanStatus) {
        messages::log_plan(&status);
        self.plan = Some(status);
        self.tell_status();
    }

    pub(super) fn tell_status(&self) {
        self.to_link(LinkRequest::Status(Box::new(self.status(self.clock.now()))));
    }

    pub(super) fn log_dropped(&mut self) {
        let Some(lamps) = &self.lamps else { return };
        let dropped = (lamps.stats.reads_dropped.load(Relaxed), lamps.stats.events_dropped.load(Relaxed));
        if dropped != self.dropped {
            tracing::warn!(
                reads = dropped.0 - self.dropped.0,
                events = dropped.1 - self.dropped.1,
                "the lamp loop did not take every read in time, or its events were not taken"
            );
            self.dropped = dropped;
        }
    }

    /// Says once that the disk stands still, and once that it goes on.
    pub(super) fn log_disk(&mut self, now: &Moment) {
        let still = self.disk_failure(now);
        if still.is_some() == self.disk_told {
            return;
        }
        self.disk_told = still.is_some();
        if let Some(failure) = still {
            tracing::error!(failure, "the disk stands still; counts wait in memory");
        } else {
            tracing::info!("the disk answers again");
        }
    }

    /// Why nothing is stored at present, where the disk does not even say so.
    pub(super) fn disk_failure(&self, now: &Moment) -> Option<String> {
        // Always in the same words: a change would be told each second.
        (self.recorder.idle_ms(now.mono) >= STANDS_STILL_MS).then(|| {
            format!(
                "the disk has given no answer for more than {} s; counts wait in memory",
                STANDS_STILL_MS / 1000
            )
        })
    }
}
