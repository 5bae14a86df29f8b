//! Tactical control: when exactly to end this green, and what follows.
//!
//! Schedule-driven rolling horizon (the family of OPAC, COP, ALLONS-D and SURTRAC), searched anew every second: for each "hold this green so
//! many seconds, then go to that stage" the queue model is rolled out until everybody has left, and the first step of the cheapest is taken.
//! Beneath it stand simpler levels that need less; [`ladder`] says when which of them decides.

mod actuated;
mod greedy;
mod grounds;
mod guard;
mod heard;
mod ladder;
mod search;

pub(super) use actuated::{Actuation, Calls};
pub(super) use greedy::{Lookout, greedy};
pub use grounds::Grounds;
pub(super) use guard::Guard;
pub(crate) use ladder::Rest;
pub(super) use ladder::{Found, Ladder};
pub(super) use search::{Situation, search};

use flextraff_common::junction::{Junction, StageIx};
use flextraff_common::time::MonoMs;

/// One way to go on, and what it would cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The stage that has green next; the present one: it goes on.
    pub stage: StageIx,
    /// Seconds for which the present green goes on before that.
    pub hold_s: u32,
    /// Weighted delay until everybody in sight has left, vehicle-seconds; of a level that does not reckon with costs: infinite.
    pub cost: f64,
}

/// A decision and what else was weighed.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When.
    pub at: MonoMs,
    /// The stage that has green.
    pub stage: StageIx,
    /// What was chosen.
    pub best: Choice,
    /// The best choice for each other stage, cheapest first.
    pub alternatives: Vec<Choice>,
    /// What overruled the level, if anything did.
    pub forced: Option<Forced>,
    /// What the level went by.
    pub grounds: Grounds,
    /// What would be best if there were room ahead for everybody; none: there is.
    pub wish: Option<Choice>,
}

/// What overrules a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    /// The longest green is.
    MaxGreen,
    /// Somebody would wait longer than the longest red.
    LongestRed,
}

impl Decision {
    /// Goes to a stage now, whatever it costs, for the sake of the longest red.
    pub(super) fn force(&mut self, stage: StageIx) {
        let costs = self.alternatives.iter().find(|other| other.stage == stage).map(|other| other.cost);
        self.forced = Some(Forced::LongestRed);
        self.alternatives.retain(|other| other.stage != stage);
        let best = std::mem::replace(
            &mut self.best,
            Choice { stage, hold_s: 0, cost: costs.unwrap_or(f64::INFINITY) },
        );
        if best.stage != stage {
            self.alternatives.push(best);
            self.sort();
        }
    }

    /// Cheapest first.
    fn sort(&mut self) {
        self.alternatives.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.stage.cmp(&b.stage)));
    }

    /// The decision and the best alternative, as a sentence.
    pub fn sentence(&self, junction: &Junction) -> String {
        let present = junction.stage(self.stage).name.as_str();
        let mut sentence = match self.forced {
            Some(Forced::LongestRed) => {
                let next = &junction.stage(self.best.stage).name;
                return format!("Go to {next} now: somebody there would wait longer than the longest red.");
            }
            Some(Forced::MaxGreen) => format!("{present} has had its longest green. "),
            None => String::new(),
        };
        let there = (self.best.stage != self.stage).then(|| junction.stage(self.best.stage).name.as_str());
        if let Some(reason) = self.grounds.sentence(present, there) {
            return sentence + &reason;
        }
        sentence += &in_words(junction, self.stage, self.best);
        for other in self.alternatives.iter().filter(|other| other.cost.is_finite()).take(1) {
            sentence += "; ";
            sentence += &in_words(junction, self.stage, *other);
        }
        sentence += " vehicle-seconds.";
        if let Some(wish) =
            self.wish.filter(|wish| (wish.stage, wish.hold_s) != (self.best.stage, self.best.hold_s))
        {
            sentence += " With room ahead: ";
            sentence += &in_words(junction, self.stage, wish);
            sentence += " vehicle-seconds.";
        }
        sentence
    }
}

fn in_words(junction: &Junction, present: StageIx, choice: Choice) -> String {
    let (here, there) = (&junction.stage(present).name, &junction.stage(choice.stage).name);
    match (choice.stage == present, choice.hold_s) {
        (true, _) => format!("stay in {here}: {:.0}", choice.cost),
        (false, 0) => format!("go to {there} now: {:.0}", choice.cost),
        (false, hold_s) => format!("hold {here} {hold_s} s, then go to {there}: {:.0}", choice.cost),
    }
}
