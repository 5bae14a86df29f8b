//! Quantities that are learned while traffic runs.
//!
//! Each starts from a guess and says how much of it is still that guess. The confidence of a number is the share that observations have in it:
//! n / (n + w) after n observations, when the guess is worth w; where old observations fade, the guess fades with them.

/// How far a learned number goes back to observations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evidence {
    /// Share that observations have in the number, 0 to 1; the rest is the guess.
    pub(super) confidence: f64,
    /// The last observation, seconds; none: there was none.
    pub(super) last_s: Option<f64>,
}

/// A mean over the latest observations, which starts from a guess.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mean {
    value: f64,
    /// Observations so far.
    count: u32,
    /// How many observations the guess is worth.
    guess_worth: u32,
    /// Beyond so many observations old ones fade.
    memory: u32,
    /// Share of the guess in the value.
    guess_left: f64,
    last_s: Option<f64>,
}

impl Mean {
    pub(super) const fn new(guess: f64, guess_worth: u32, memory: u32) -> Self {
        Self { value: guess, count: 0, guess_worth, memory, guess_left: 1.0, last_s: None }
    }

    pub(super) fn add(&mut self, at_s: f64, observed: f64) {
        self.count = self.count.saturating_add(1);
        let worth = f64::from((self.guess_worth.saturating_add(self.count)).min(self.memory).max(1));
        self.value += (observed - self.value) / worth;
        self.guess_left *= 1.0 - 1.0 / worth;
        self.last_s = Some(at_s);
    }

    pub(super) const fn value(&self) -> f64 {
        self.value
    }

    pub(super) const fn evidence(&self) -> Evidence {
        Evidence { confidence: 1.0 - self.guess_left, last_s: self.last_s }
    }
}

/// How much trials weigh beside a guess, old ones fading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trials {
    /// Weight of the guess.
    guess: f64,
    /// Weight of guess and trials.
    total: f64,
    fade: f64,
    last_s: Option<f64>,
}

impl Trials {
    /// The guess is worth `guess` trials; each new trial lets everything before it fade by the factor `fade`.
    pub(super) const fn new(guess: f64, fade: f64) -> Self {
        Self { guess, total: guess, fade, last_s: None }
    }

    pub(super) fn add(&mut self, at_s: f64) {
        self.guess *= self.fade;
        self.total = self.total * self.fade + 1.0;
        self.last_s = Some(at_s);
    }

    /// Weight of guess and trials.
    pub(super) const fn total(&self) -> f64 {
        self.total
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence { confidence: 1.0 - self.guess / self.total, last_s: self.last_s }
    }
}

/// A share: successes among trials, old ones fading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share {
    hits: f64,
    trials: Trials,
}

impl Share {
    /// Starts as if there had been `trials` with `hits`; each new trial lets the old ones fade by the factor `fade`.
    pub(super) const fn new(hits: f64, trials: f64, fade: f64) -> Self {
        Self { hits, trials: Trials::new(trials, fade) }
    }

    pub(super) fn add(&mut self, at_s: f64, hit: bool) {
        self.hits = self.hits * self.trials.fade + f64::from(u8::from(hit));
        self.trials.add(at_s);
    }

    pub(super) fn value(&self) -> f64 {
        self.hits / self.trials.total
    }

    pub(super) fn evidence(&self) -> Evidence {
        self.trials.evidence()
    }
}

/// A rate is guessed for so long, seconds: until then it is reckoned as if a whole minute had been seen.
const GUESSED_S: f64 = 60.0;

/// Events per second, old ones fading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    sum: f64,
    began_s: f64,
    memory_s: f64,
    last_s: Option<f64>,
}

impl Rate {
    pub(super) const fn new(began_s: f64, memory_s: f64) -> Self {
        Self { sum: 0.0, began_s, memory_s, last_s: None }
    }

    pub(super) fn add(&mut self, at_s: f64, amount: f64) {
        self.sum = self.faded(at_s) + amount;
        self.last_s = Some(self.last_s.map_or(at_s, |last| last.max(at_s)));
    }

    /// Events per second; in the first minute as if it had lasted a whole one.
    pub(super) fn per_s(&self, at_s: f64) -> f64 {
        self.faded(at_s) / self.weight_s((at_s - self.began_s).max(GUESSED_S))
    }

    /// The same at the last event; without any: zero.
    pub(super) fn last_per_s(&self) -> f64 {
        self.last_s.map_or(0.0, |last_s| self.per_s(last_s))
    }

    /// Seconds are what a rate is observed for, whether something happens in them or not, and the guess is worth a minute.
    pub(super) fn evidence(&self, at_s: f64) -> Evidence {
        let seen_s = self.weight_s((at_s - self.began_s).max(0.0));
        Evidence { confidence: seen_s / (seen_s + GUESSED_S), last_s: self.last_s }
    }

    /// The weights of a constant stream of that age add up to memory · (1 − e^(−age / memory)).
    fn weight_s(&self, age_s: f64) -> f64 {
        self.memory_s * (1.0 - (-age_s / self.memory_s).exp())
    }

    fn faded(&self, at_s: f64) -> f64 {
        let last_s = self.last_s.unwrap_or(self.began_s);
        self.sum * (-(at_s - last_s).max(0.0) / self.memory_s).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn a_mean_says_what_observations_have_in_it() {
        let mut mean = Mean::new(2.0, 5, 30);
        assert_eq!(mean.evidence(), Evidence { confidence: 0.0, last_s: None });
        for n in 1..=10 {
            mean.add(f64::from(n), 4.0);
            close(mean.evidence().confidence, f64::from(n) / f64::from(n + 5));
            // Guess and observations as they weigh.
            close(mean.value(), 2.0 + 2.0 * mean.evidence().confidence);
        }
        assert_eq!(mean.evidence().last_s, Some(10.0));
    }

    #[test]
    fn a_guess_that_fades_leaves_the_number_to_the_observations() {
        let mut mean = Mean::new(1.9, 20, 20);
        let mut share = Share::new(2.0, 2.0, 0.97);
        for n in 0..500 {
            mean.add(f64::from(n), 2.5);
            share.add(f64::from(n), false);
            close(mean.value(), 1.9 + 0.6 * mean.evidence().confidence);
            close(share.value(), 1.0 - share.evidence().confidence);
        }
        assert!(mean.evidence().confidence > 0.999 && share.evidence().confidence > 0.999);
    }

    #[test]
    fn a_share_says_what_trials_have_in_it_whatever_comes_out_of_them() {
        let mut share = Share::new(1.0, 2.0, 1.0);
        close(share.evidence().confidence, 0.0);
        share.add(7.0, true);
        share.add(9.0, false);
        assert_eq!(share.evidence(), Evidence { confidence: 0.5, last_s: Some(9.0) });
    }

    #[test]
    fn a_rate_is_observed_by_time_and_by_silence_too() {
        let mut rate = Rate::new(100.0, 300.0);
        close(rate.evidence(100.0).confidence, 0.0);
        let after_minutes = |minutes: f64| rate.evidence(100.0 + 60.0 * minutes).confidence;
        let seen = [1.0, 5.0, 60.0].map(after_minutes);
        assert!(seen.is_sorted() && seen[0] > 0.45 && seen[2] < 1.0, "{seen:?}");
        assert_eq!(rate.evidence(400.0).last_s, None, "silence is no event");
        rate.add(400.0, 1.0);
        rate.add(390.0, 1.0);
        assert_eq!(rate.evidence(500.0).last_s, Some(400.0));
    }
}
