//! What the tag reads say about traffic: who waits where, who is coming, how fast lanes discharge, and how far that can be trusted.
//!
//! Tags are a sample. Two- and three-wheelers carry none, and some reads are missed; so every estimate comes with its age and its confidence,
//! silence of a reader counts as an empty lane only while the reader is known to work, and a lane without tags is never a lane without
//! demand. Pure: time comes with each call.

mod advance;
mod counters;
mod early;
mod estimates;
mod estimator;
mod ghosts;
mod hidden;
mod lane;
mod late;
mod learned;
mod linked;
mod neighbour;
mod onward;
mod presence;
mod priority;
mod queues;
mod room;
mod silent;
mod telling;
#[cfg(test)]
mod tests;
mod unread;
mod unseen;
mod vehicle;
mod votes;
mod walkers;
mod zone;

pub use estimator::Estimator;
pub use priority::{Alarm, Priority};
pub use queues::{LaneTraffic, Traffic};
