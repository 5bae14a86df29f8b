//! What neighbours are told: who was read, what the lanes hold, who has left and who will.

use super::estimator::{Estimator, seconds};
use super::lane::Lane;
use crate::signal::ComingGreen;
use flextraff_common::epc::Epc;
use flextraff_common::ids::DeviceId;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::Moment;
use flextraff_common::traffic::Departure;
use flextraff_common::wire::{
    Demand, DemandDeparted, DemandDeparture, DemandGreen, DemandLane, DemandRead, ZoneName,
};

/// Reads and departures since the last message.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    pub(super) reads: Vec<(LaneIx, ZoneName, Epc)>,
    pub(super) departed: Vec<(LaneIx, Epc, f64)>,
}

impl Estimator {
    /// What linked junctions are told each second.
    pub fn tell(&mut self, device: DeviceId, now: Moment) -> Demand {
        let at_s = seconds(now.mono);
        let news = std::mem::take(&mut self.news);
        let name = |lane: LaneIx| self.junction.lane(lane).name.clone();
        let round = |value: f64| (value * 10.0).round() / 10.0;
        let lanes = self.junction.lane_indexes().zip(&self.lanes).map(|(ix, lane)| {
            let here =
                self.vehicles.values().filter(|vehicle| vehicle.lane == ix && !vehicle.is_parked(at_s));
            let present = here.clone().filter(|vehicle| vehicle.at_stop_line()).count() as f64;
            let capacity = lane.capacity();
            let full = lane.queue_over_advance(at_s).is_some();
            let inventory = here.count() as f64;
            DemandLane {
                lane: name(ix),
                present,
                inventory: if full { inventory.max(capacity) } else { inventory },
                capacity,
            }
        });
        // A lane that is not named is empty.
        let lanes = lanes.filter(|lane| lane.inventory > 0.0).collect();
        Demand {
            reads: news
                .reads
                .into_iter()
                .map(|(lane, zone, epc)| DemandRead {
                    lane: name(lane),
                    zone,
                    epc: epc.to_string(),
                    watched: None,
                })
                .collect(),
            lanes,
            departed: news
                .departed
                .into_iter()
                .map(|(lane, epc, left_s)| DemandDeparted {
                    lane: name(lane),
                    epc: epc.to_string(),
                    ago_s: round(at_s - left_s),
                })
                .collect(),
            watched: None,
            users: Some(self.unseen.told()),
            ..Demand::new(device, now.wall)
        }
    }

    /// Which lanes flow or are about to: of those of which at least one movement has green, the ones that have the right of way. `greens` in order
    /// of time.
    pub fn tell_greens(&self, greens: &[ComingGreen]) -> Vec<DemandGreen> {
        let told = |(ix, lane): (LaneIx, &Lane)| {
            let flowing = lane.shape.served().minus(lane.shape.stages.gives_way);
            let mut own = greens.iter().filter(|green| flowing.contains(green.stage));
            let first = own.next()?;
            let last = own.next_back().unwrap_or(first);
            let lane = self.junction.lane(ix).name.clone();
            Some(DemandGreen { lane, in_s: first.in_s, until_s: last.until_s, meant: first.is_meant })
        };
        self.junction.lane_indexes().zip(&self.lanes).filter_map(told).collect()
    }

    /// Whom neighbours are to expect of those who will leave here.
    pub fn tell_departures(&self, departures: &[Departure]) -> Vec<DemandDeparture> {
        let lanes = self.junction.lane_indexes();
        lanes
            .flat_map(|lane| {
                let own: Vec<&Departure> =
                    departures.iter().filter(|departure| departure.lane == lane).collect();
                let name = &self.junction.lane(lane).name;
                self.neighbours.spread(lane, &own).into_iter().map(move |(to_junction, in_s)| {
                    DemandDeparture { to_junction, lane: Some(name.clone()), in_s }
                })
            })
            .collect()
    }
}
