//! Reads become passages, passages become interval counts. Pure: time comes in, rows and changes go out.
//!
//! **Passage.** A vehicle in the stop-line zone, once per junction. It begins with the first stop-line read of its tag in any lane, goes on
//! while no two reads are `absence_ms` or more apart, and closes `absence_ms` after the last one. Advance reads neither begin nor prolong it.
//! Its lane is the one with most stop-line reads within `settle_ms` of the first one, then the strongest read, then the earliest.
//!
//! **Interval.** The grid is the multiples of `interval_ms` on the monotonic clock. A passage stands in the interval of its first read, its
//! departure in the interval in which it closed, whatever the other says. `settle_ms` after an interval's end (while other devices of the
//! junction are there not before 4 s) one row goes out for each lane that was watched in it or has something to tell; an observed zero is a row,
//! an unobserved lane is none.
//!
//! **Exactly once.** [`Counter::take`] gives rows and changed passages together; committed in one transaction they keep each other true: a
//! passage is `published` on disk exactly when the row that counts it is there, and it is removed exactly when its departure is. After a kill
//! the counter goes on from the last commit. What it then finds unpublished for an interval before its own start goes out in a row of that
//! interval, so an interval may have several rows of one lane: each passage and each departure stands in exactly one of them, and so does each
//! observed second. `observed_ms` and `other_tags` are those of the run that sends the row; what a killed run had watched in an interval that
//! it did not publish counts as unobserved.
//!
//! **Several devices.** Devices of one junction that each see a part of it tell each other whom they see; `shared` says which one counts.
//!
//! Monotonic times end with a boot. [`close_out`] makes the rows of passages that an earlier boot left behind.

mod counter;
mod coverage;
mod passage;
#[cfg(test)]
mod proptests;
mod rows;
mod shared;
#[cfg(test)]
mod tests;

pub use counter::{Beyond, Counter, Flush, MAX_OPEN, ToldPassage};
pub use passage::{PassageChange, PassageId, PassageState};
pub use rows::{CountedPassage, Departed, IntervalCount, MAX_PER_ROW, close_out};
pub use shared::STORE_MS;
