//! Users whom no reader sees: two- and three-wheelers without a tag, and vehicles whose tag was never read.
//!
//! A queue that discharges at saturation leaves one vehicle a headway, seen or not. The time after which a seen one leaves therefore tells
//! its place, and so how many stood before it unseen. These arrived between the start of red and its own arrival; in the same time seen ones
//! arrive at their usual rate. Both summed over many queues, the ratio is that of two Poisson streams over the same exposure: unseen users for
//! each seen one.
//!
//! Where a lane gives way its vehicles leave as gaps allow. There the stop-line zone tells: one of the first who arrive at red is read in it, or
//! stands behind it because unseen ones fill it. That bounds their number; what is expected within the bound counts (the step of expectation
//! of Dempster, Laird and Rubin 1977, taken queue by queue).

use super::estimator::Estimator;
use super::lane::Lane;
use super::learned::Evidence;
use super::vehicle::Vehicle;
use flextraff_common::junction::{LaneIx, StageIx};
use flextraff_common::traffic::SATURATION_HEADWAY_S;
use flextraff_common::wire::DemandUsers;

/// Unseen users for each seen one before anything is learned: two of three are seen. About half of Indian traffic carries no tag, most of that
/// two-wheelers, which take less of a green than a car.
const GUESS: f64 = 0.5;
/// Seen vehicles that the guess is worth.
const GUESS_WORTH: f64 = 5.0;
/// Seen vehicles that the ratio of the whole junction is worth to a lane: single lanes are noisy.
const WORTH: f64 = 20.0;
/// Seen vehicles that the guess of what linked junctions have learned is worth at most: theirs is much, and nearly the same users.
const LINKED_WORTH: f64 = 60.0;
/// More than this no junction can have learned.
const MOST_HEARD: f64 = 1e6;
/// How much of what was learned each further queue leaves.
const FADE: f64 = 0.998;
/// From the start of green to the last read of a head that leaves at once, seconds.
pub(super) const HEAD_LEAVES_S: f64 = 0.3;
/// How much later than a saturation headway after the one before it each of the next in a queue leaves, because it starts from a stop, seconds: about
/// 2 s in all, the start-up lost time of the HCM; SUMO's drivers need as much.
pub(super) const STARTS_S: [f64; 3] = [1.1, 0.6, 0.3];
/// Whoever arrives in the last seconds of red may not have stopped, seconds.
const STOOD_S: f64 = 4.0;
/// Who was due so long before green is in the stop-line zone, if there is room for it, seconds.
const ARRIVED_S: f64 = 2.0;
/// A queue that seems to hold more unseen users than were expected counts with at most so many standard deviations more (of one more than were,
/// as if Poisson): something else may have held it up, and such queues must not outweigh the others (Huber 1964).
const SURPRISE: f64 = 1.0;
/// Most unseen users of one queue that are believed: behind a longer gap something else has held it up.
const MOST_IN_QUEUE: f64 = 10.0;
/// No red of a program lasts longer, seconds: the signal was dark, flashed or was switched by hand, and not everybody who came in that time has
/// waited for its end.
const LONGEST_RED_S: f64 = 300.0;
/// As many at most stand between two seen ones, and so much further is the next one.
const MOST_BETWEEN: u32 = 11;
/// The ratio is believed up to this.
const MOST: f64 = 3.0;

/// Unseen and seen users over the same times.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ratio {
    unseen: f64,
    seen: f64,
    last_s: Option<f64>,
}

impl Ratio {
    fn add(&mut self, at_s: f64, unseen: f64, seen: f64) {
        self.unseen = self.unseen * FADE + unseen;
        self.seen = self.seen * FADE + seen;
        self.last_s = Some(at_s);
    }

    /// What is known when everybody has been seen for a long time.
    #[cfg(test)]
    pub(super) const fn all_seen() -> Self {
        Self { unseen: 0.0, seen: f64::MAX, last_s: None }
    }

    /// What linked junctions are told.
    pub(super) fn told(&self) -> DemandUsers {
        let round = |value: f64| (value * 10.0).round() / 10.0;
        DemandUsers { unseen: round(self.unseen), seen: round(self.seen) }
    }

    /// What a linked junction tells; none: that cannot be.
    pub(super) fn heard(told: &DemandUsers) -> Option<Self> {
        let range = 0.0..MOST_HEARD;
        let is_possible = range.contains(&told.unseen) && range.contains(&told.seen);
        is_possible.then_some(Self { unseen: told.unseen, seen: told.seen, last_s: None })
    }

    /// Both together.
    fn plus(self, other: Self) -> Self {
        let last_s = self.last_s.or(other.last_s);
        Self { unseen: self.unseen + other.unseen, seen: self.seen + other.seen, last_s }
    }

    /// Unseen users for each seen one, beside a guess.
    fn value(&self, guess: f64, worth: f64) -> f64 {
        ((self.unseen + worth * guess) / (self.seen + worth)).clamp(0.0, MOST)
    }

    fn evidence(&self) -> Evidence {
        Evidence { confidence: self.seen / (self.seen + WORTH), last_s: self.last_s }
    }
}

/// A queue that is leaving in its green.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Discharge {
    /// Since when the lane had had red.
    red_s: f64,
    /// How many seen ones that had stood in it have left.
    seen: f64,
    /// Of the last of these, where the lane has the right of way.
    last: Option<Placed>,
    /// Of the last of these that tells by having been in the stop-line zone at red, or not.
    zone: Option<InZone>,
}

/// A seen vehicle that has left.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Placed {
    /// Its place, counted from 1.
    place: u32,
    /// So many of those up to it were seen.
    seen: f64,
    left_s: f64,
    due_s: f64,
}

/// What the stop-line zone says about those before a vehicle.
#[derive(Clone, Copy, Debug, PartialEq)]
struct InZone {
    due_s: f64,
    /// Whether at most so many unseen ones stood before it, or more.
    at_most: bool,
    unseen: u32,
}

/// Probability that a Poisson variable is at most `most`; of -1: none is.
pub(super) fn poisson_at_most(most: i64, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut sum = 0.0;
    for k in 0..=most {
        sum += term;
        term *= mean / (k + 1) as f64;
    }
    sum
}

/// Mean of a Poisson variable of which it is known that it is at most `unseen`, or more.
pub(super) fn expected(at_most: bool, unseen: u32, mean: f64) -> f64 {
    let (within, less) = (poisson_at_most(unseen.into(), mean), poisson_at_most(i64::from(unseen) - 1, mean));
    match (at_most, 1.0 - within) {
        (true, _) if within > f64::MIN_POSITIVE => mean * less / within,
        // Far more would be usual: as many as there can be.
        (true, _) => f64::from(unseen),
        (false, beyond) if beyond > 1e-6 => mean * (1.0 - less) / beyond,
        (false, _) => f64::from(unseen) + 1.0,
    }
}

/// When the vehicle in a place leaves, seconds after the head, if each starts as soon as it can; place 0 is when the head may leave.
fn leaves_s(place: u32) -> f64 {
    let before = place.saturating_sub(1);
    f64::from(before) * SATURATION_HEADWAY_S + STARTS_S.iter().take(before as usize).sum::<f64>()
}

/// The place of a vehicle that leaves so long after the one in `place`: the one whose time is nearest. To count on from each seen vehicle
/// keeps what one start takes longer than another from adding up.
fn place_after(place: u32, gap_s: f64) -> u32 {
    let off_s = |other: u32| (leaves_s(other) - leaves_s(place) - gap_s).abs();
    (place + 1..=place + MOST_BETWEEN).min_by(|a, b| off_s(*a).total_cmp(&off_s(*b))).unwrap_or(place + 1)
}

impl Lane {
    /// A seen vehicle leaves at `at_s` in a green that began at `green_s`.
    pub(super) fn note_place(&mut self, vehicle: &Vehicle, stage: StageIx, green_s: f64, at_s: f64) {
        if vehicle.due_s > green_s - ARRIVED_S {
            return;
        }
        let stood = vehicle.due_s <= green_s - STOOD_S;
        let has_way = self.shape.stages.full.contains(stage) && !self.shape.stages.gives_way.contains(stage);
        let fresh = Discharge { red_s: self.red_since_s, seen: 0.0, last: None, zone: None };
        let before = self.discharge.unwrap_or(fresh);
        let in_zone = vehicle.stopped_s.is_some_and(|stopped_s| stopped_s <= green_s);
        let seen = before.seen + 1.0;
        let last = (has_way && stood).then(|| {
            let (first, place) = match before.last {
                Some(last) => (last.place + 1, place_after(last.place, at_s - last.left_s)),
                None => (1, place_after(0, at_s - green_s - HEAD_LEAVES_S)),
            };
            // Whoever is read at the stop line at red stands in its zone, however long it takes to leave.
            let place = if in_zone { place.min(self.places_in_zone() as u32).max(first) } else { place };
            Placed { place, seen, left_s: at_s, due_s: vehicle.due_s }
        });
        let places = self.places_in_zone() - 1.0 - before.seen;
        let zone = (vehicle.via.is_some() && places >= 0.0).then_some(InZone {
            due_s: vehicle.due_s,
            at_most: in_zone,
            unseen: places as u32,
        });
        self.discharge =
            Some(Discharge { seen, last: last.or(before.last), zone: zone.or(before.zone), ..before });
    }

    /// The place of the vehicle that has just left, if its queue has the right of way and everybody before it was seen.
    pub(super) fn place_left(&self, at_s: f64) -> Option<u32> {
        let last = self.discharge.as_ref()?.last?;
        let unseen = f64::from(last.place) - last.seen;
        (at_s <= last.left_s && unseen < 0.5).then_some(last.place)
    }

    /// The green of a queue is over: unseen users in it, and seen ones who usually arrive in the time in which they did. `for_each`: unseen users
    /// for each seen one, as far as known.
    fn take_discharge(&mut self, for_each: f64, at_s: f64) -> Option<(f64, f64)> {
        let queue = self.discharge.take()?;
        let came_at_red = |due_s: f64| due_s > queue.red_s && due_s <= queue.red_s + LONGEST_RED_S;
        let usual = |due_s: f64| self.usual_flow.per_s(at_s) * (due_s - queue.red_s);
        match (queue.last, queue.zone) {
            (Some(last), _) if came_at_red(last.due_s) => {
                let unseen = (f64::from(last.place) - last.seen).clamp(0.0, MOST_IN_QUEUE);
                Some((unseen, usual(last.due_s)))
            }
            (None, Some(zone)) if came_at_red(zone.due_s) => {
                let seen = usual(zone.due_s);
                Some((expected(zone.at_most, zone.unseen, seen * for_each), seen))
            }
            _ => None,
        }
    }
}

impl Estimator {
    /// A lane's green is over.
    pub(super) fn learn_unseen(&mut self, lane: LaneIx, at_s: f64) {
        let for_each = self.unseen_for_each(&self.lanes[lane.index()]);
        let state = &mut self.lanes[lane.index()];
        let queue = state.take_discharge(for_each, at_s);
        if let Some((unseen, seen)) = queue.filter(|_| !state.tells_by_its_zone()) {
            let usual = for_each * seen;
            self.add_unseen_users(lane, at_s, unseen.min(usual + SURPRISE * (usual + 1.0).sqrt()), seen);
        }
    }

    /// Takes unseen users of a lane, and seen ones who usually come in the same time.
    pub(super) fn add_unseen_users(&mut self, lane: LaneIx, at_s: f64, unseen: f64, seen: f64) {
        self.lanes[lane.index()].unseen.add(at_s, unseen, seen);
        self.unseen.add(at_s, unseen, seen);
    }

    /// Unseen users for each seen one on a lane, beside what the whole junction and those linked to it have learned.
    pub(super) fn unseen_for_each(&self, lane: &Lane) -> f64 {
        let linked = self.neighbours.linked.iter().map(|linked| linked.unseen);
        let elsewhere = linked.fold(Ratio::default(), Ratio::plus);
        let worth = (elsewhere.seen + GUESS_WORTH).min(LINKED_WORTH);
        lane.unseen.value(self.unseen.value(elsewhere.value(GUESS, GUESS_WORTH), worth), WORTH)
    }

    /// Share of a lane's users who are seen, and what is known of it.
    pub(super) fn seen_share(&self, lane: &Lane) -> (f64, Evidence) {
        (1.0 / (1.0 + self.unseen_for_each(lane)), lane.unseen.evidence())
    }
}
