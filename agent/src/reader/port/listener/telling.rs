//! What the thread of a reader tells of it: in the log, each problem once, and in the status.

use super::super::{FoundOut, ReaderEvent};
use super::Listener;
use crate::reader::driver::Driver;
use crate::reader::frame::LineStats;
use crate::reader::source::Source;
use flextraff_common::time::MonoMs;
use std::fmt::Write as _;
use std::io;
use std::sync::atomic::Ordering::Relaxed;

/// Nobody answers to anything.
pub(super) const UNRECOGNISED: &str =
    "no reader was recognised at any usual speed; check its power and cable, or set protocol and baud";
/// It is not known yet whether anybody is there.
pub(super) const LOOKED_FOR: &str = "its port is open; which reader is there is being found out";
/// A reader that answers has not done so yet.
pub(super) const AWAITED: &str = "its port is open, and nothing has come from it yet";
/// Bytes come and mean nothing.
pub(super) const GARBLED: &str =
    "bytes come, but none of them make an intact frame; check protocol, baud and the wires";

impl<T: Fn(ReaderEvent) -> bool, F: Fn() -> MonoMs> Listener<T, F> {
    /// Whether its reads have belonged to no lane so far, all of them: its lanes are as good as not watched.
    pub(super) fn is_blind(&self) -> bool {
        self.misplaced.is_some() && self.stats.reads() == 0
    }

    /// The first read that belongs to no lane.
    pub(super) fn log_misplaced(&mut self, now: MonoMs) {
        if self.misplaced.is_some() {
            return;
        }
        self.misplaced = self.driven.as_ref().and_then(|(source, _)| source.misplaced());
        if let Some(misplaced) = &self.misplaced {
            tracing::warn!(reader = %self.config.name, "tags are not counted: {misplaced} of the reader");
            self.look_due = now;
        }
    }

    /// Each problem once, when the reader has been told everything.
    pub(super) fn log_problems(&mut self) {
        let Some((_, driver)) = self.driven.as_ref().filter(|(_, driver)| driver.is_settled()) else {
            return;
        };
        for problem in driver.problems() {
            if !self.told.contains(problem) {
                tracing::warn!(reader = %self.config.name, "the reader {problem}");
            }
        }
        self.told = driver.problems().to_vec();
    }

    /// Once until it is heard again.
    pub(super) fn log_gone(&mut self, error: &io::Error) {
        self.say(Some(format!("{} is gone ({error}); check its cable", self.config.port)));
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(reader = %self.config.name, port = %self.config.port, %error, "reader port is gone; trying again");
        }
    }

    pub(super) fn say(&mut self, detail: Option<String>) {
        let now = FoundOut { detail, ..self.found.clone() };
        if now != self.stats.found() {
            self.stats.set_found(now);
        }
    }

    pub(super) fn set_line(&self) {
        let (LineStats { bad_frames, dropped_bytes }, unmapped) = self.before;
        let source = self.driven.as_ref().map(|(source, _)| source);
        let line = source.map(Source::line).unwrap_or_default();
        self.stats.bad_frames.store(bad_frames + line.bad_frames, Relaxed);
        self.stats.dropped_bytes.store(dropped_bytes + line.dropped_bytes, Relaxed);
        self.stats.unmapped.store(unmapped + source.map_or(0, Source::unmapped), Relaxed);
    }
}

/// What is wrong with a reader, and what to do.
pub(super) fn detail(driver: &Driver, now: MonoMs) -> Option<String> {
    let mut text = String::new();
    if driver.is_silent(now) {
        let quiet_s = driver.quiet_ms(now) / 1000;
        let _ = write!(
            text,
            "nothing intact came for {quiet_s} s; check the reader's power, cable, protocol and baud"
        );
    }
    for problem in driver.problems() {
        let _ = write!(text, "{}the reader {problem}", if text.is_empty() { "" } else { "; " });
    }
    (!text.is_empty()).then_some(text)
}
