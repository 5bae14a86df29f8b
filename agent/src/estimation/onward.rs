//! Where those go who leave here.

use super::early::Early;
use super::learned::{Evidence, Trials};
use super::neighbour::{JOURNEY_S, MOST, MOST_PLACES, Place};
use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::traffic::Departure;
use std::collections::BTreeMap;

/// Vehicles that the guess is worth about where those go who leave a lane.
const WORTH: f64 = 3.0;
/// By how much each vehicle that arrives there lets those before it fade.
const FADE: f64 = 0.99;
/// Share of a lane's vehicles that goes to linked junctions, before anything is learned.
const GUESS: f64 = 0.5;

/// Where those went who left from each lane.
#[derive(Clone, Debug)]
pub(super) struct Onward {
    /// The linked junctions to which each lane leads.
    leads_to: Vec<Vec<usize>>,
    /// Who left here, from which lane and when.
    sent: BTreeMap<Epc, (LaneIx, f64)>,
    /// Who is seen there, and is not known to have left here.
    ahead: Early<Place>,
    lanes: Vec<Went>,
}

#[derive(Clone, Debug)]
struct Went {
    to: BTreeMap<Place, f64>,
    /// Those whom no linked junction has seen.
    elsewhere: f64,
    seen: Trials,
}

impl Onward {
    /// `leads_to`: the linked junctions to which each lane leads.
    pub(super) fn new(leads_to: Vec<Vec<usize>>) -> Self {
        let went = Went { to: BTreeMap::new(), elsewhere: 0.0, seen: Trials::new(WORTH, FADE) };
        let lanes = vec![went; leads_to.len()];
        Self { leads_to, sent: BTreeMap::new(), ahead: Early::default(), lanes }
    }

    /// A vehicle left here.
    pub(super) fn left(&mut self, epc: Epc, lane: LaneIx, at_s: f64) {
        if let Some((place, seen_s)) = self.ahead.take(epc, at_s) {
            self.arrived_at(place, lane, seen_s);
        } else if self.sent.len() < MOST {
            self.sent.insert(epc, (lane, at_s));
        }
    }

    /// A vehicle was seen at a linked junction.
    pub(super) fn seen(&mut self, epc: Epc, place: Place, at_s: f64) {
        match self.sent.remove(&epc) {
            Some((lane, _)) => self.arrived_at(place, lane, at_s),
            None => self.ahead.note(epc, place, at_s),
        }
    }

    fn arrived_at(&mut self, place: Place, lane: LaneIx, at_s: f64) {
        let went = &mut self.lanes[lane.index()];
        went.fade();
        went.seen.add(at_s);
        if went.to.len() < MOST_PLACES || went.to.contains_key(&place) {
            *went.to.entry(place).or_insert(0.0) += 1.0;
        }
    }

    pub(super) fn handle_timeout(&mut self, at_s: f64) {
        self.ahead.handle_timeout(at_s);
        let lanes = &mut self.lanes;
        self.sent.retain(|_, (lane, sent_s)| {
            let travels = at_s - *sent_s < JOURNEY_S;
            if !travels {
                let went = &mut lanes[lane.index()];
                went.fade();
                went.elsewhere += 1.0;
            }
            travels
        });
    }

    /// To which lanes of linked junctions a lane's vehicles go, as shares of those who were seen at any; none: too little is known.
    pub(super) fn shares(&self, lane: LaneIx) -> Option<impl Iterator<Item = (&Place, f64)>> {
        let total = self.arrived(lane);
        (total >= WORTH)
            .then(|| self.lanes[lane.index()].to.iter().map(move |(place, count)| (place, count / total)))
    }

    /// The same however little is known; and what is known of it.
    pub(super) fn destinations(&self, lane: LaneIx) -> (impl Iterator<Item = (&Place, f64)>, Evidence) {
        let (total, went) = (self.arrived(lane), &self.lanes[lane.index()]);
        (went.to.iter().map(move |(place, count)| (place, count / total)), went.seen.evidence())
    }

    /// Share of those who left a lane who were seen at a linked junction, beside the guess; and what is known of it.
    pub(super) fn seen_again_from(&self, lane: LaneIx) -> (f64, Evidence) {
        let (arrived, went) = (self.arrived(lane), &self.lanes[lane.index()]);
        let observed = arrived + went.elsewhere;
        let confidence = observed / (observed + WORTH);
        let last_s = went.seen.evidence().last_s;
        ((arrived + WORTH * GUESS) / (observed + WORTH), Evidence { confidence, last_s })
    }

    /// Vehicles that have left towards a place since a moment and have not been seen there.
    pub(super) fn under_way(&self, place: &Place, since_s: f64) -> f64 {
        let sent = self.sent.values().filter(|(_, sent_s)| *sent_s >= since_s);
        let share = |lane: LaneIx| {
            let count = self.lanes[lane.index()].to.get(place).copied().unwrap_or(0.0);
            count / self.arrived(lane).max(WORTH)
        };
        sent.map(|(lane, _)| share(*lane)).sum()
    }

    /// Share of those who have left here, from any lane, who were seen at a linked junction.
    pub(super) fn seen_again(&self) -> f64 {
        let sums = |(seen, all): (f64, f64), went: &Went| {
            let arrived: f64 = went.to.values().sum();
            (seen + arrived, all + arrived + went.elsewhere)
        };
        let (seen, all) = self.lanes.iter().fold((WORTH * GUESS, WORTH), sums);
        seen / all
    }

    fn arrived(&self, lane: LaneIx) -> f64 {
        self.lanes[lane.index()].to.values().sum()
    }

    /// Share of a lane's vehicles that goes to each linked junction.
    fn share_of_each(&self, lane: LaneIx, linked: usize) -> Vec<f64> {
        let (went, leads_to) = (&self.lanes[lane.index()], &self.leads_to[lane.index()]);
        let total = self.arrived(lane) + went.elsewhere + WORTH;
        let mut shares = vec![0.0; linked];
        for &to in leads_to {
            shares[to] += WORTH * GUESS / leads_to.len() as f64 / total;
        }
        for ((to, _), count) in &went.to {
            shares[*to] += count / total;
        }
        shares
    }

    /// Of those who are expected to leave a lane, in order of time: when somebody leaves towards each linked junction, by its place among them,
    /// seconds ahead. Who goes where is not known: of each junction's share every so manyth is named.
    pub(super) fn spread(
        &self,
        lane: LaneIx,
        linked: usize,
        departures: &[&Departure],
    ) -> Vec<(usize, Vec<f64>)> {
        let shares =
            self.share_of_each(lane, linked).into_iter().enumerate().filter(|(_, share)| *share > 0.0);
        let spread = shares.map(|(to, share)| {
            let mut due = 0.5;
            let named = departures.iter().filter(|departure| {
                due += share * departure.vehicles;
                let whole = due >= 1.0;
                due -= if whole { 1.0 } else { 0.0 };
                whole
            });
            (to, named.map(|departure| (departure.in_s.max(0.0) * 10.0).round() / 10.0).collect::<Vec<_>>())
        });
        spread.filter(|(_, in_s)| !in_s.is_empty()).collect()
    }
}

impl Went {
    fn fade(&mut self) {
        self.to.values_mut().for_each(|count| *count *= FADE);
        self.elsewhere *= FADE;
    }
}

#[cfg(test)]
impl Onward {
    /// How much is remembered: vehicles sent, and places to which each lane's vehicles go.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        [self.sent.len(), self.ahead.len()].into_iter().chain(self.lanes.iter().map(|went| went.to.len()))
    }
}
