//! What the lamp loop is told, and what it tells.

use super::{LampAsk, LampsShow, Unkept};
use crate::config::{Antennas, Config};
use crate::estimation::Alarm;
use crate::identity::Sighting;
use crate::output::Switches;
use crate::signal::{Decision, SignalEvent};
use flextraff_common::ids::JunctionId;
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{ControlLevel, Demand, Estimates, GreenTime, Keys, Watchlist};
use std::sync::Arc;

/// What the loop is told.
#[derive(Clone, Debug)]
pub enum LampInput {
    /// A reader has read a tag.
    Read(Sighting),
    /// A reader, by its place in the TOML, is up or down.
    Reader {
        /// Which.
        reader: usize,
        /// Through which antennas it sees.
        up: Antennas,
    },
    /// What another junction, or another device of this one, tells.
    Demand {
        /// Whose topic it came on.
        junction: JunctionId,
        /// What it says.
        demand: Box<Demand>,
    },
    /// The key of the watch-list has come.
    Keys(Keys),
    /// The vehicles that the junction looks out for have come.
    Watchlist(Watchlist),
    /// A plan has come.
    Plan(Box<GreenTime>),
    /// A plan that was kept over a restart, and when it had come.
    Restore {
        /// The plan.
        message: Box<GreenTime>,
        /// When, if in this uptime.
        received: Option<MonoMs>,
    },
    /// Somebody at the cabinet, or the server, asks for something; [`LampEvent::Answered`] is the answer.
    Ask {
        /// Comes back with the answer.
        id: u64,
        /// What.
        ask: LampAsk,
    },
    /// Go on under another configuration of the same junction.
    Reconfigure {
        /// It.
        config: Arc<Config>,
        /// For each of its readers, the number that it had before, if it stays.
        before: Vec<Option<usize>>,
    },
    /// End at the end of the present stage, with red at every head; at once when that would take longer.
    End {
        /// For how long it may take, seconds.
        longest_s: u32,
    },
    /// Red at every head at once, whatever is lit.
    #[cfg(test)]
    Stop,
}

/// What the loop tells.
#[derive(Clone, Debug, PartialEq)]
pub enum LampEvent {
    /// What was to be kept for the server, and found no room among these.
    Lost(Unkept),
    /// What the controller says; [`SignalEvent::Plan`] also as the answer to each [`LampInput::Plan`].
    Signal(SignalEvent),
    /// What tactical control has decided, each second in which it decides.
    Decided(Decision),
    /// What others are to be told, each second.
    Demand(Box<Demand>),
    /// What is known of the lanes, each second.
    Estimated(Box<Estimates>),
    /// What ends greens has changed; none: an override, an emergency, start-up or a fault.
    Level(Option<ControlLevel>),
    /// Estimation or a level of control has panicked; a simpler level takes its place.
    Defect {
        /// What the panic said.
        reason: String,
    },
    /// Vehicles ask for green that perhaps should not.
    Alarm(Alarm),
    /// A plan to keep over a restart.
    KeepPlan {
        /// The plan.
        message: Box<GreenTime>,
        /// When it came.
        received: Moment,
    },
    /// The interlock has driven the fault aspect.
    Tripped {
        /// Why, as a sentence.
        reason: String,
        /// When.
        at: Moment,
    },
    /// Switches of the cabinet have changed.
    Switched(Switches),
    /// The answer to a [`LampInput::Ask`].
    Answered {
        /// Of which.
        id: u64,
        /// What was done, as a sentence; else why not.
        answer: Result<String, String>,
    },
    /// A person has cleared the fault: the signal starts up.
    Cleared,
    /// A lamp test is over; what the feedback has found, as sentences.
    Tested {
        /// Lamps that did not light, or lit beside another.
        found: Vec<String>,
    },
    /// What the lamps show beside what the controller wants has changed.
    Shows(LampsShow),
    /// The loop was late, and the signal stood still to keep its times.
    Late {
        /// How late, milliseconds.
        late_ms: i64,
        /// For how long the signal stood still, seconds.
        still_s: u64,
    },
    /// The loop has ended after a [`LampInput::End`].
    Ended,
    /// The plan of before the restart breaks rules of the junction.
    NotRestored {
        /// Which.
        reasons: Vec<String>,
    },
}
