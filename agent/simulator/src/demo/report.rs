//! The summary of a demo and the verdict on it.

use serde::Serialize;
use std::io::{self, Write};

/// By which share the vehicles counted may differ from those read.
const COUNT_TOLERANCE: f64 = 0.02;
/// From this length of a run every junction must have taken over a plan, seconds.
const PLANS_EXPECTED_S: u64 = 60;

/// What a demo came to. The names are those of its last line of output.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Junctions of the city.
    pub junctions: u64,
    /// Agents that were online at the end.
    pub agents_online: u64,
    /// Count messages that the agents made, by their own word.
    pub counts_made: u64,
    /// Count messages that are stored.
    pub counts_committed: u64,
    /// Passages in them.
    pub vehicles_counted: u64,
    /// Passages of tagged vehicles of which at least one stop-line read went out.
    pub vehicles_read: u64,
    /// Rows that wait to be confirmed.
    pub outbox_pending: u64,
    /// Plans that the lamps followed.
    pub plans_applied: u64,
    /// Signal cycles stored.
    pub cycles_recorded: u64,
    /// How often an interlock drove the fault aspect.
    pub interlock_trips: u64,
    /// Mean wait of the street's vehicles, seconds.
    pub mean_wait_s: f64,
    /// The same with the same arrivals under fixed time, seconds.
    pub fixed_time_mean_wait_s: f64,
    /// Error lines in logs, dead letters, and what went wrong in the simulator.
    pub errors: u64,
}

impl Summary {
    /// What did not work, a sentence each. `for_s`: how long the demo was to run; absent when a person stopped it.
    pub fn shortfalls(&self, for_s: Option<u64>) -> Vec<String> {
        let mut sentences = Vec::new();
        let mut check = |good: bool, sentence: String| {
            if !good {
                sentences.push(sentence);
            }
        };
        check(
            self.agents_online == self.junctions,
            format!("Only {} of {} agents were online at the end.", self.agents_online, self.junctions),
        );
        check(
            self.interlock_trips == 0,
            format!("The interlock drove the fault aspect {} times.", self.interlock_trips),
        );
        let plans =
            for_s.is_none_or(|for_s| for_s < PLANS_EXPECTED_S) || self.plans_applied >= self.junctions;
        check(
            plans,
            format!("Only {} plans were applied; every junction should have one.", self.plans_applied),
        );
        check(
            self.counts_committed == self.counts_made,
            format!(
                "{} count messages were made but {} are stored.",
                self.counts_made, self.counts_committed
            ),
        );
        check(self.outbox_pending == 0, format!("{} rows still wait in the outboxes.", self.outbox_pending));
        let (counted, read) = (self.vehicles_counted as f64, self.vehicles_read as f64);
        check(
            (counted - read).abs() <= (read * COUNT_TOLERANCE).ceil(),
            format!(
                "{} vehicles were counted but {} were read, a difference of more than {:.0} %.",
                self.vehicles_counted,
                self.vehicles_read,
                COUNT_TOLERANCE * 100.0
            ),
        );
        check(
            self.errors == 0,
            format!("{} errors happened; the logs and the lines above name them.", self.errors),
        );
        sentences
    }

    /// The table for people, the verdict, and as last line one JSON object.
    ///
    /// # Errors
    /// When the output is gone.
    pub fn print(&self, out: &mut dyn Write, shortfalls: &[String]) -> io::Result<()> {
        let rows = [
            ("junctions / agents online", format!("{} / {}", self.junctions, self.agents_online)),
            ("count messages made / stored", format!("{} / {}", self.counts_made, self.counts_committed)),
            ("vehicles read / counted", format!("{} / {}", self.vehicles_read, self.vehicles_counted)),
            ("rows waiting in outboxes", self.outbox_pending.to_string()),
            ("plans applied", self.plans_applied.to_string()),
            ("cycles recorded", self.cycles_recorded.to_string()),
            ("interlock trips", self.interlock_trips.to_string()),
            ("mean wait", format!("{:.1} s", self.mean_wait_s)),
            ("mean wait under fixed time", format!("{:.1} s", self.fixed_time_mean_wait_s)),
            ("errors", self.errors.to_string()),
        ];
        writeln!(out)?;
        for (name, value) in rows {
            writeln!(out, "  {name:<30} {value}")?;
        }
        writeln!(out)?;
        for sentence in shortfalls {
            writeln!(out, "{sentence}")?;
        }
        writeln!(out, "{}", serde_json::to_string(self).map_err(io::Error::other)?)?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Summary {
        Summary {
            junctions: 6,
            agents_online: 6,
            counts_made: 288,
            counts_committed: 288,
            vehicles_counted: 100,
            vehicles_read: 101,
            plans_applied: 6,
            cycles_recorded: 3,
            mean_wait_s: 12.5,
            fixed_time_mean_wait_s: 20.0,
            ..Summary::default()
        }
    }

    #[test]
    fn a_good_run_has_no_shortfall() {
        assert_eq!(good().shortfalls(Some(60)), Vec::<String>::new());
        let early = Summary { plans_applied: 0, ..good() };
        assert!(early.shortfalls(Some(59)).is_empty() && early.shortfalls(None).is_empty());
        assert_eq!(early.shortfalls(Some(60)).len(), 1);
    }

    #[test]
    fn every_shortfall_is_a_sentence() {
        let bad = Summary {
            agents_online: 5,
            interlock_trips: 1,
            plans_applied: 2,
            counts_committed: 280,
            outbox_pending: 8,
            vehicles_counted: 97,
            errors: 3,
            ..good()
        };
        let sentences = bad.shortfalls(Some(60));
        assert_eq!(sentences.len(), 7, "{sentences:?}");
        assert!(sentences.iter().all(|sentence| sentence.ends_with('.')));
    }

    #[test]
    fn the_last_line_has_every_key() {
        let mut out = Vec::new();
        good().print(&mut out, &["A sentence.".to_owned()]).unwrap();
        let text = String::from_utf8(out).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        for key in [
            "junctions",
            "agents_online",
            "counts_made",
            "counts_committed",
            "vehicles_counted",
            "vehicles_read",
            "outbox_pending",
            "plans_applied",
            "cycles_recorded",
            "interlock_trips",
            "mean_wait_s",
            "fixed_time_mean_wait_s",
            "errors",
        ] {
            assert!(last[key].is_number(), "{key}");
        }
        assert!(text.contains("A sentence."));
    }
}
