//! Why a level decides as it does, in words.

use flextraff_common::wire::ControlLevel;

/// What a decision goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Grounds {
    /// The search: the costs of its choices.
    Cost,
    /// The greedy rule: weighted users served per second.
    Greedy {
        /// By going on.
        present: f64,
        /// By the best other stage, clearance included; none: there is no other.
        other: Option<f64>,
        /// Whether the present stage's lanes still discharge.
        discharges: bool,
    },
    /// Actuation: stop lines of the present stage are read.
    Extended,
    /// Actuation: a lane of the present stage is not watched, and its planned green is not over.
    Unwatched,
    /// Actuation: nobody uses this green any more, and somebody calls another one.
    GapOut,
    /// Actuation: nobody calls another stage.
    Rest,
    /// Actuation: the longest green is over.
    Longest,
    /// Actuation: a bus asks for the present stage.
    BusHere,
    /// Actuation: a bus asks for another stage.
    BusThere,
}

impl Grounds {
    /// The level that goes by this.
    pub const fn level(&self) -> ControlLevel {
        match self {
            Self::Cost => ControlLevel::RollingHorizon,
            Self::Greedy { .. } => ControlLevel::Greedy,
            Self::Extended
            | Self::Unwatched
            | Self::GapOut
            | Self::Rest
            | Self::Longest
            | Self::BusHere
            | Self::BusThere => ControlLevel::Actuated,
        }
    }

    /// The reason of a change from `here` to `there`, or of staying when `there` is none, as a sentence; none: the costs say it.
    pub(super) fn sentence(&self, here: &str, there: Option<&str>) -> Option<String> {
        let what = there.map_or_else(|| format!("stay in {here}"), |there| format!("go to {there} now"));
        let why = match *self {
            Self::Cost => return None,
            Self::Greedy { present, other, discharges } => {
                let other = other.unwrap_or(0.0);
                let state = if discharges { "still discharges" } else { "is empty" };
                format!(
                    "{here} {state} and serves {present:.2} weighted users a second, the best other stage {other:.2}"
                )
            }
            Self::Extended => format!("{here} was read within the gap time"),
            Self::Unwatched => format!("nobody watches all lanes of {here}, and its planned green runs"),
            Self::GapOut => format!("{here} was not read within the gap time"),
            Self::Rest => "nobody calls another stage".to_owned(),
            Self::Longest => "no green is longer".to_owned(),
            Self::BusHere => format!("a bus asks for {here}"),
            Self::BusThere => "a bus asks for another stage".to_owned(),
        };
        Some(format!("{what}: {why}."))
    }
}
