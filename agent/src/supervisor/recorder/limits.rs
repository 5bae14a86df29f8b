//! Says in the log that counting has met its limits: no street does, so something is wrong with the reads.

use crate::counting::Beyond;
use flextraff_common::time::MonoMs;

/// Between two lines of the log, milliseconds.
const AGAIN_MS: i64 = 60_000;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Limits {
    told: Beyond,
    at: Option<MonoMs>,
}

impl Limits {
    /// What is new since it was told last, when that is long enough ago.
    fn news(&mut self, beyond: Beyond, now: MonoMs) -> Option<Beyond> {
        if beyond == self.told || self.at.is_some_and(|at| now.since(at) < AGAIN_MS) {
            return None;
        }
        self.at = Some(now);
        let before = std::mem::replace(&mut self.told, beyond);
        Some(Beyond {
            forced_closes: beyond.forced_closes - before.forced_closes,
            other_reads: beyond.other_reads - before.other_reads,
        })
    }

    /// Tells what is new.
    pub(super) fn log(&mut self, beyond: Beyond, now: MonoMs) {
        let Some(news) = self.news(beyond, now) else { return };
        if news.forced_closes > 0 {
            tracing::warn!(
                passages = news.forced_closes,
                "more vehicles than can be followed at once; the oldest passages close early, and who is still there counts again"
            );
        }
        if news.other_reads > 0 {
            tracing::warn!(
                reads = news.other_reads,
                "more other tags than an interval holds; the rest is not added up"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_told_once_a_minute() {
        let beyond = |forced_closes, other_reads| Beyond { forced_closes, other_reads };
        let mut limits = Limits::default();
        assert_eq!(limits.news(beyond(0, 0), MonoMs(0)), None);
        assert_eq!(limits.news(beyond(1, 0), MonoMs(1000)), Some(beyond(1, 0)));
        assert_eq!(limits.news(beyond(5, 2), MonoMs(60_999)), None);
        assert_eq!(limits.news(beyond(5, 3), MonoMs(61_000)), Some(beyond(4, 3)));
        assert_eq!(limits.news(beyond(5, 3), MonoMs(200_000)), None);
    }
}
