//! Whether those really leave a neighbour of whom it says that they are about to.
//!
//! A neighbour that takes somebody to stand at its stop line who is not there says each second anew that he leaves now. Believed each time, he is
//! for ever on his way. So whoever is said to leave now is owed once, those who leave settle what is owed, and the share that is settled weighs
//! what is announced.

use super::learned::Share;
use std::collections::VecDeque;

/// Whoever is announced for so soon leaves before the next message, seconds.
const NOW_S: f64 = 1.0;
/// Whoever has not left so long after he was said to does not come, seconds: longer than a head waits for a gap.
const OVERDUE_S: f64 = 20.0;
/// All are believed at first; that guess is worth so many announcements.
const WORTH: f64 = 5.0;
/// By how much each announcement lets those before it fade.
const FADE: f64 = 0.98;
/// More do not leave a lane at once.
const MOST_OWED: usize = 20;

/// What a lane of a neighbour has announced, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Promises {
    /// Since when each of those is due who were said to leave and have not, the oldest first.
    owed: VecDeque<f64>,
    /// Vehicles that have left and have settled nothing yet.
    credit: f64,
    kept: Share,
}

impl Promises {
    pub(super) const NONE: Self =
        Self { owed: VecDeque::new(), credit: 0.0, kept: Share::new(WORTH, WORTH, FADE) };

    /// Takes in how many seconds those leave who are announced at present; whoever is owed is among them.
    pub(super) fn announced(&mut self, in_s: impl Iterator<Item = f64>, at_s: f64) {
        let due = in_s.filter(|in_s| *in_s <= NOW_S).count().min(MOST_OWED);
        while self.owed.len() < due {
            self.owed.push_back(at_s);
        }
    }

    /// So many vehicles have left towards here, as far as can be told. At most one of them settles what is announced later.
    pub(super) fn left(&mut self, vehicles: f64, at_s: f64) {
        self.credit += vehicles;
        while self.credit >= 1.0 && self.owed.pop_front().is_some() {
            self.credit -= 1.0;
            self.kept.add(at_s, true);
        }
        self.credit = self.credit.min(1.0);
    }

    pub(super) fn handle_timeout(&mut self, at_s: f64) {
        while self.owed.pop_front_if(|since_s| at_s - *since_s > OVERDUE_S).is_some() {
            self.kept.add(at_s, false);
        }
    }

    /// The share of those who were announced that has left.
    pub(super) const fn kept(&self) -> &Share {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_waits_for_a_gap_is_announced_each_second_and_counts_once() {
        let mut promises = Promises::NONE;
        for vehicle in 0..50 {
            let began_s = 30.0 * f64::from(vehicle);
            for second in 0..12 {
                promises.announced([0.0, 4.0].into_iter(), began_s + f64::from(second));
                promises.handle_timeout(began_s + f64::from(second));
            }
            promises.left(1.0, began_s + 12.0);
        }
        assert!(promises.kept().value() > 0.99, "{}", promises.kept().value());
    }

    #[test]
    fn of_two_announced_one_leaves() {
        let mut promises = Promises::NONE;
        for cycle in 0..100 {
            let began_s = 60.0 * f64::from(cycle);
            promises.announced([0.0, 0.5].into_iter(), began_s);
            promises.left(1.0, began_s + 2.0);
            promises.handle_timeout(began_s + 30.0);
        }
        assert!((0.4..0.6).contains(&promises.kept().value()), "{}", promises.kept().value());
    }
}
