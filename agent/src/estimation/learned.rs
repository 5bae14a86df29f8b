//! Quantities that are learned while traffic runs.

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
}

impl Mean {
    pub(super) const fn new(guess: f64, guess_worth: u32, memory: u32) -> Self {
        Self { value: guess, count: 0, guess_worth, memory }
    }

    pub(super) fn add(&mut self, observed: f64) {
        self.count = self.count.saturating_add(1);
        let worth = (self.guess_worth + self.count).min(self.memory);
        self.value += (observed - self.value) / f64::from(worth.max(1));
    }

    pub(super) const fn value(&self) -> f64 {
        self.value
    }
}

/// A share: successes among trials, old ones fading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share {
    hits: f64,
    trials: f64,
    fade: f64,
}

impl Share {
    /// Starts as if there had been `trials` with `hits`; each new trial lets the old ones fade by the factor `fade`.
    pub(super) const fn new(hits: f64, trials: f64, fade: f64) -> Self {
        Self { hits, trials, fade }
    }

    pub(super) fn add(&mut self, hit: bool) {
        self.hits = self.hits * self.fade + f64::from(u8::from(hit));
        self.trials = self.trials * self.fade + 1.0;
    }

    pub(super) fn value(&self) -> f64 {
        self.hits / self.trials
    }
}

/// Events per second, old ones fading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    sum: f64,
    at_s: f64,
    began_s: f64,
    memory_s: f64,
}

impl Rate {
    pub(super) const fn new(began_s: f64, memory_s: f64) -> Self {
        Self { sum: 0.0, at_s: began_s, began_s, memory_s }
    }

    pub(super) fn add(&mut self, at_s: f64, amount: f64) {
        self.sum = self.faded(at_s) + amount;
        self.at_s = self.at_s.max(at_s);
    }

    /// Events per second; in the first minute as if it had lasted a whole one.
    pub(super) fn per_s(&self, at_s: f64) -> f64 {
        // The weights of a constant stream add up to memory · (1 − e^(−age / memory)).
        let age = (at_s - self.began_s).max(60.0);
        self.faded(at_s) / (self.memory_s * (1.0 - (-age / self.memory_s).exp()))
    }

    fn faded(&self, at_s: f64) -> f64 {
        self.sum * (-(at_s - self.at_s).max(0.0) / self.memory_s).exp()
    }
}
