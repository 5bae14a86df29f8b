//! Why the interlock does not let a lamp vector through.

/// What is wrong with a lamp vector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it means")]
pub enum Trip {
    #[error("{shown} groups were to be lit, the junction has {groups}")]
    Count { shown: usize, groups: usize },
    #[error("group \"{group}\" was to be dark while the signal is in operation")]
    DarkFace { group: String },
    #[error("group \"{group}\" was not to flash as the others: flashing and steady lamps do not mix")]
    Mixed { group: String },
    #[error("the pedestrian group \"{group}\" was to show {aspect}")]
    Pedestrian { group: String, aspect: &'static str },
    #[error("\"{a}\" ({a_shows}) and \"{b}\" ({b_shows}) conflict and were to be released together")]
    Conflict { a: String, a_shows: &'static str, b: String, b_shows: &'static str },
    #[error("group \"{group}\" was to go from {from} to {to}")]
    Order { group: String, from: &'static str, to: &'static str },
    #[error("the amber of group \"{group}\" was to end after {shown_ms} ms instead of {least_ms} ms")]
    ShortAmber { group: String, shown_ms: i64, least_ms: i64 },
    #[error("\"{to}\" was to get green {shown_ms} ms after the green of \"{from}\", not {least_ms} ms")]
    ShortIntergreen { from: String, to: String, shown_ms: i64, least_ms: i64 },
    #[error("\"{to}\" was to get green {shown_ms} ms after the amber of \"{from}\", not {least_ms} ms")]
    ShortRed { from: String, to: String, shown_ms: i64, least_ms: i64 },
    #[error("the signal was to start with group \"{group}\" at {aspect} instead of flash or all red")]
    Start { group: String, aspect: &'static str },
    #[error("group \"{group}\" was to light {lamps} for {aspect}")]
    Lit { group: String, lamps: String, aspect: &'static str },
    #[error("the {lamp} lamp of group \"{group}\" has been lit for {for_ms} ms though it was switched off")]
    FalseLamp { group: String, lamp: &'static str, for_ms: i64 },
    #[error("the {lamp} lamp of group \"{group}\" has been dark for {for_ms} ms though it was switched on")]
    DarkLamp { group: String, lamp: &'static str, for_ms: i64 },
    #[error("nothing has changed for {for_s} s while group \"{group}\" was red: the signal is stuck")]
    Stuck { group: String, for_s: i64 },
    #[error("the lamp loop was late {times} times within {minutes} minutes, the last time by {late_ms} ms")]
    Late { times: usize, minutes: i64, late_ms: i64 },
    #[error("{reason}")]
    Told { reason: String },
}
