//! What a person should look into about vehicles that ask for green.

use flextraff_common::epc::Epc;
use flextraff_common::junction::LaneIx;
use flextraff_common::wire::{AlarmKind, WatchedClass};
use std::fmt;

/// A request that nobody should make. Displayed as a sentence that does not name the vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// What is wrong.
    pub kind: AlarmKind,
    /// What the watch-list says that the vehicle is.
    pub class: WatchedClass,
    /// Where it was read.
    pub lane: LaneIx,
    /// The vehicle, by its name here.
    pub epc: Epc,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.class == WatchedClass::Transit { "a bus" } else { "an emergency vehicle" };
        match self.kind {
            AlarmKind::TagTooOften => write!(
                f,
                "the tag of {whose} asks for green again within five minutes: it may have been copied, or stand near an antenna"
            ),
            AlarmKind::TooManyEmergencies => f.write_str(
                "more emergency vehicles ask for green than four at once or six in a quarter of an hour: tags may have been copied",
            ),
            AlarmKind::TagInTwoPlaces | AlarmKind::Other => {
                let then = if self.class == WatchedClass::Transit { "gets no priority" } else { "is still served" };
                write!(
                    f,
                    "the tag of {whose} was read in two places between which no vehicle is that fast: it has been copied; it {then}"
                )
            }
        }
    }
}
