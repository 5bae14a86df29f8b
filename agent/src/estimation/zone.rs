//! The stop-line zone of a lane without an advance reader: what it means that nobody new is read there at red.
//!
//! Seen and unseen users come as two Poisson streams. While the zone has room every seen one is read when he comes; once unseen ones have filled it
//! nobody is. So a lane that is usually read and is silent has either nobody or a queue, and the longer it is silent the likelier is the queue.

use super::estimator::Estimator;
use super::unseen::poisson_at_most;
use flextraff_common::junction::LaneIx;

/// Lanes of which an advance reader announces this share tell more in other ways.
const ANNOUNCED: f64 = 0.5;
/// No red of a program lasts longer, seconds.
const LONGEST_RED_S: f64 = 300.0;

/// What is to be expected of a zone that has been silent for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Blocked {
    /// Probability that unseen users fill it.
    likely: f64,
    /// For how long they have on the average, with no time at all where they do not, seconds.
    pub(super) for_s: f64,
    /// Unseen users in it on the average.
    unseen: f64,
}

impl Blocked {
    /// `free`: places that no seen user takes; rates in users per second; `silent_s`: since when nobody new was read, seconds.
    ///
    /// Nobody is read while the zone is open if no seen user comes, and fewer unseen ones than there are places. Nor is anybody after as many
    /// unseen ones as there are places have come before the first seen one; that takes an Erlang time. Bayes' rule weighs the two.
    pub(super) fn after(free: u32, seen_per_s: f64, unseen_per_s: f64, silent_s: f64) -> Self {
        let per_s = seen_per_s + unseen_per_s;
        if free == 0 {
            return Self { likely: 1.0, for_s: silent_s.max(0.0), unseen: 0.0 };
        }
        if per_s <= 0.0 || silent_s <= 0.0 {
            return Self::default();
        }
        let places = i64::from(free);
        let none_seen = (unseen_per_s / per_s).powi(free as i32);
        let come = |least: i64| 1.0 - poisson_at_most(least - 1, per_s * silent_s);
        let unseen_come = unseen_per_s * silent_s;
        let no_seen = (-seen_per_s * silent_s).exp();
        let (fills, open) = (none_seen * come(places), no_seen * poisson_at_most(places - 1, unseen_come));
        let all = (fills + open).max(f64::MIN_POSITIVE);
        let for_s = none_seen * (silent_s * come(places) - f64::from(free) / per_s * come(places + 1));
        let in_open = no_seen * unseen_come * poisson_at_most(places - 2, unseen_come);
        Self {
            likely: fills / all,
            for_s: (for_s / all).clamp(0.0, silent_s),
            unseen: (f64::from(free) * fills + in_open) / all,
        }
    }
}

impl Estimator {
    /// A lane's red is over: what it says about how many of its users are not seen (the step of expectation of Dempster, Laird and Rubin 1977).
    pub(super) fn learn_at_red(&mut self, ix: LaneIx, at_s: f64) {
        let lane = &self.lanes[ix.index()];
        let red_s = at_s - lane.red_since_s;
        if !lane.tells_by_its_zone() || lane.left_behind || red_s > LONGEST_RED_S {
            return;
        }
        let here = self.vehicles.values().filter(|vehicle| vehicle.lane == ix && !vehicle.is_parked(at_s));
        let came: Vec<f64> = here.filter_map(|vehicle| vehicle.stopped_s).collect();
        let free = (lane.places_in_zone() as usize).saturating_sub(came.len()) as u32;
        let silent_s = at_s - came.into_iter().fold(lane.red_since_s, f64::max);
        let seen_per_s = lane.usual_flow.per_s(at_s);
        let blocked = Blocked::after(free, seen_per_s, seen_per_s * self.unseen_for_each(lane), silent_s);
        self.add_unseen_users(ix, at_s, blocked.unseen, seen_per_s * (red_s - blocked.for_s));
    }
}

impl super::lane::Lane {
    /// Whether its stop-line zone is all that tells of a queue.
    pub(super) fn tells_by_its_zone(&self) -> bool {
        self.heralded.value() < ANNOUNCED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn one_place_is_blocked_as_the_closed_form_says() {
        let (seen, unseen, t) = (0.06_f64, 0.03_f64, 40.0_f64);
        let fills = (1.0 - (-(seen + unseen) * t).exp()) * unseen / (seen + unseen);
        let open = (-(seen + unseen) * t).exp();
        let blocked = Blocked::after(1, seen, unseen, t);
        close(blocked.likely, fills / (fills + open));
        close(blocked.unseen, blocked.likely);
        assert!(
            blocked.for_s > 0.5 * t * blocked.likely && blocked.for_s < t * blocked.likely,
            "{blocked:?}"
        );
    }

    #[test]
    fn silence_means_a_queue_only_where_users_are_unseen_and_come() {
        // Everybody is seen, nobody comes, and seen ones fill it.
        close(Blocked::after(1, 0.1, 0.0, 60.0).for_s, 0.0);
        close(Blocked::after(1, 0.0, 0.0, 60.0).likely, 0.0);
        close(Blocked::after(0, 0.1, 0.0, 60.0).for_s, 60.0);
        let likely = |free, silent_s| Blocked::after(free, 0.08, 0.04, silent_s).likely;
        assert!(likely(1, 60.0) > 0.9 && likely(1, 5.0) < 0.25);
        assert!(likely(2, 60.0) < likely(1, 60.0), "two must have come");
        let by_time: Vec<f64> = (1..100).map(|s| likely(2, f64::from(s))).collect();
        assert!(by_time.is_sorted(), "{by_time:?}");
    }

    #[test]
    fn whatever_the_rates_the_numbers_are_possible() {
        for free in [0, 1, 2, 5, 40] {
            for (seen, unseen) in [(0.0, 0.2), (0.2, 0.0), (1e-12, 1e-12), (3.0, 5.0), (1e-3, 2.0)] {
                for silent_s in [-1.0, 0.0, 0.1, 30.0, 1e4] {
                    let Blocked { likely, for_s, unseen: users } =
                        Blocked::after(free, seen, unseen, silent_s);
                    let fine = (0.0..=1.0).contains(&likely)
                        && (0.0..=silent_s.max(0.0)).contains(&for_s)
                        && (0.0..=f64::from(free) + 1e-9).contains(&users);
                    assert!(fine, "{free} {seen} {unseen} {silent_s}: {likely} {for_s} {users}");
                }
            }
        }
    }
}
