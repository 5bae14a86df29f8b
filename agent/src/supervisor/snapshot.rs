//! What the running agent tells of itself: its status, and what a person at this machine sees besides.

use super::Supervisor;
use super::messages;
use super::reading::RunningReader;
use crate::clock::Clock;
use crate::config::Config;
use crate::console::Hub;
use crate::console::protocol::{LaneSnapshot, Message, Snapshot, TagRead};
use crate::health;
use crate::identity::SharedNames;
use crate::output::LampStats;
use crate::reader::Read;
use crate::reader::port::ReaderStats;
use flextraff_common::time::Moment;
use flextraff_common::wire::{ControllerStatus, Demand, LampLoopStatus, ReaderStatus, Status};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl Supervisor {
    /// How everything is, once a second.
    pub(super) fn tell_snapshot(&self, now: &Moment) {
        self.hub.tell(|| Message::Snapshot(Box::new(self.snapshot(now))));
    }

    fn snapshot(&self, now: &Moment) -> Snapshot {
        let junction = &self.config.junction;
        let lanes = junction.lane_indexes().map(|lane| LaneSnapshot {
            lane: junction.lane(lane).name.clone(),
            groups: junction
                .groups()
                .iter()
                .filter(|group| group.lanes.contains(&lane))
                .map(|group| group.name.clone())
                .collect(),
            counted: self.counted.get(lane.index()).copied().unwrap_or_default(),
        });
        Snapshot {
            t: now.wall,
            junction: junction.name.clone(),
            broker: self.config.mqtt.is_some().then_some(self.connection.connected),
            status: self.status(*now),
            signal: self.shown.as_ref().map(|shown| messages::signal(junction, shown, now)),
            lanes: lanes.collect(),
        }
    }

    /// What the device says of itself.
    pub(super) fn status(&self, now: Moment) -> Status {
        let readers = self.config.readers.iter().zip(&self.readers).enumerate();
        let parts = health::Parts {
            boot_id: self.boot,
            started: self.started,
            link: self.config.mqtt.is_some().then(|| self.connection.status(now.mono)),
            outbox: self.outbox_status(&now),
            readers: readers
                .map(|(at, (config, port))| self.reader_status(at, &config.name, port.as_ref()))
                .collect(),
            controller: self.controller_status(),
            plan: self.plan.clone(),
            estimates: self.estimates.clone(),
            alarms: self.alarms.status(),
        };
        health::status(&self.config, parts, now)
    }

    fn reader_status(&self, at: usize, name: &str, port: Option<&RunningReader>) -> ReaderStatus {
        let stats = port.map(|port| port.stats());
        let found = stats.map(ReaderStats::found).unwrap_or_default();
        ReaderStatus {
            name: name.to_owned(),
            state: stats.map(ReaderStats::state).unwrap_or_default(),
            reads_per_s: self.rates.get(at).map_or(0.0, |rate| rate.per_s),
            bad_frames: stats.map_or(0, ReaderStats::bad_frames),
            dropped_bytes: stats.map_or(0, ReaderStats::dropped_bytes),
            unmapped: stats.map_or(0, ReaderStats::unmapped),
            protocol: found.protocol.map(|protocol| protocol.name().to_owned()),
            baud: found.baud,
            detail: found.detail,
        }
    }

    fn controller_status(&self) -> Option<ControllerStatus> {
        let (lamps, shown) = (self.lamps.as_ref()?, self.shown.as_ref()?);
        Some(ControllerStatus {
            state: shown.state,
            mode: shown.mode,
            control: Some(shown.control),
            fault: self.fault.as_ref().map(|fault| fault.reason.clone()),
            interlock_trips: lamps.stats.interlock_trips.load(Relaxed),
            level: self.level,
            offset_error_s: messages::offset_error_s(shown),
            decision: messages::decision(&self.config.junction, self.decision.as_ref(), &self.clock.now()),
            lamp_loop: punctuality(&lamps.stats),
            cabinet: messages::cabinet(&self.config.output, self.switches),
        })
    }

    /// Reads that another device of this junction tells.
    pub(super) fn show_told_reads(&self, demand: &Demand, now: &Moment) {
        for read in &demand.reads {
            self.hub.tell(|| {
                Message::Read(TagRead {
                    t: now.wall,
                    reader: None,
                    lane: read.lane.clone(),
                    zone: read.zone,
                    epc: read.epc.clone(),
                    rssi: None,
                })
            });
        }
    }
}

fn punctuality(stats: &LampStats) -> Option<LampLoopStatus> {
    let (written, read_p999_us) = (&stats.written, stats.judged.quantile_us(0.999));
    Some(LampLoopStatus {
        late_p50_us: written.quantile_us(0.5)?,
        late_p999_us: written.quantile_us(0.999)?,
        late_max_us: written.max_us(),
        read_p999_us,
        read_max_us: read_p999_us.map(|_| stats.judged.max_us()),
    })
}

/// Shows each read of the own readers as it happens, under the vehicle's name.
#[derive(Clone)]
pub(super) struct Show {
    pub(super) names: SharedNames,
    pub(super) hub: Hub,
    pub(super) config: Arc<Config>,
    pub(super) clock: Arc<Clock>,
}

impl Show {
    /// Never waits.
    pub(super) fn tell(&self, reader: usize, read: &Read) {
        self.hub.tell(|| {
            Message::Read(TagRead {
                t: self.clock.now().wall_at(read.at),
                reader: self.config.readers.get(reader).map(|reader| reader.name.clone()),
                lane: self.config.junction.lane(read.lane).name.clone(),
                zone: read.zone,
                epc: read.epc.to_string(),
                rssi: read.rssi,
            })
        });
    }
}
