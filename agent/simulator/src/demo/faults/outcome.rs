//! What a run of the fault suite came to: numbers for people and programs, and a sentence for everything that must not be.

use anyhow::Result;
use serde::Serialize;
use std::io::Write;

/// Most sentences of a kind that are printed.
const SENTENCES: usize = 5;

/// What a run came to: the last line of output.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Outcome {
    pub(super) seed: u64,
    pub(super) minutes: u64,
    pub(super) agents_killed: u64,
    pub(super) server_killed: u64,
    pub(super) broker_killed: u64,
    pub(super) cables_pulled: u64,
    pub(super) disks_filled: u64,
    pub(super) disks_stopped: u64,
    pub(super) outboxes_damaged: u64,
    pub(super) tables_disks_filled: u64,
    /// Writes that the database refused for want of room.
    pub(super) writes_refused: u64,
    /// How often the server's health said so.
    pub(super) told_full: u64,
    /// What people asked for meanwhile: what they got, refusals with the reason, answers that help nobody, and times after which they did not get
    /// what they want although there was room again.
    pub(super) people_served: u64,
    pub(super) people_refused: u64,
    pub(super) unclear_answers: u64,
    pub(super) people_left_alone: u64,
    /// Passages of which at least one read went out.
    pub(super) passages: u64,
    pub(super) stored: u64,
    /// Not stored, and nobody says that the lane was watched.
    pub(super) unwatched: u64,
    pub(super) missing: u64,
    pub(super) doubled: u64,
    pub(super) repeated_rows: u64,
    pub(super) flagged_rows: u64,
    pub(super) gaps: u64,
    /// Damaged outboxes of which no gap tells.
    pub(super) untold: u64,
    /// Junctions that watched less than half of their passages.
    pub(super) asleep: u64,
    /// Rows of the outbox that was too full: in it at the start, stored, and dropped by its limit as a gap says.
    pub(super) backlog: u64,
    pub(super) backlog_stored: u64,
    pub(super) backlog_dropped: u64,
    pub(super) counts_made: u64,
    pub(super) counts_committed: u64,
    pub(super) outbox_pending: u64,
    pub(super) lamp_conflicts: u64,
    pub(super) interlock_trips: u64,
    /// Programs that ended by themselves, dead letters, and what the simulator could not do.
    pub(super) errors: u64,
}

impl Outcome {
    /// The table for people, and as last line one JSON object.
    pub(super) fn print(&self, out: &mut dyn Write) -> Result<()> {
        let rows = [
            ("seed / minutes", format!("{} / {}", self.seed, self.minutes)),
            (
                "agents / server / broker killed",
                format!("{} / {} / {}", self.agents_killed, self.server_killed, self.broker_killed),
            ),
            (
                "cables pulled / outboxes damaged",
                format!("{} / {}", self.cables_pulled, self.outboxes_damaged),
            ),
            (
                "disks filled / brought to a standstill",
                format!("{} / {}", self.disks_filled, self.disks_stopped),
            ),
            (
                "disks of the tables filled / writes refused / told",
                format!("{} / {} / {}", self.tables_disks_filled, self.writes_refused, self.told_full),
            ),
            (
                "  people meanwhile served / refused with reason",
                format!("{} / {}", self.people_served, self.people_refused),
            ),
            ("passages read / stored", format!("{} / {}", self.passages, self.stored)),
            ("  not stored, and told as not watched", self.unwatched.to_string()),
            ("  missing / stored more than once", format!("{} / {}", self.missing, self.doubled)),
            ("count messages made / stored", format!("{} / {}", self.counts_made, self.counts_committed)),
            ("gaps told / damages without one", format!("{} / {}", self.gaps, self.untold)),
            ("junctions that hardly watched", self.asleep.to_string()),
            (
                "too many rows for an outbox / stored / dropped",
                format!("{} / {} / {}", self.backlog, self.backlog_stored, self.backlog_dropped),
            ),
            (
                "lamp conflicts / interlock trips",
                format!("{} / {}", self.lamp_conflicts, self.interlock_trips),
            ),
            ("errors", self.errors.to_string()),
        ];
        writeln!(out)?;
        for (name, value) in rows {
            writeln!(out, "  {name:<48} {value}")?;
        }
        writeln!(out, "\n{}", serde_json::to_string(self)?)?;
        Ok(out.flush()?)
    }

    /// Everything that must not be; `known`: sentences of which some of each kind are enough.
    pub(super) fn sentences(&self, drained: bool, known: &[&[String]]) -> Vec<String> {
        let mut sentences: Vec<String> =
            known.iter().flat_map(|kind| kind.iter().take(SENTENCES)).cloned().collect();
        let mut must_be = |good: bool, sentence: String| {
            if !good {
                sentences.push(sentence);
            }
        };
        must_be(
            self.missing == 0,
            format!("{} passages are missing although somebody watched.", self.missing),
        );
        must_be(self.doubled == 0, format!("{} passages are stored more than once.", self.doubled));
        must_be(self.repeated_rows == 0, format!("{} rows are stored more than once.", self.repeated_rows));
        must_be(self.flagged_rows == 0, format!("{} rows are flagged.", self.flagged_rows));
        must_be(self.stored > 0, "Not a single passage is stored.".to_owned());
        must_be(
            drained,
            format!(
                "Not everything arrived: {} count messages made, {} stored, {} rows wait.",
                self.counts_made, self.counts_committed, self.outbox_pending
            ),
        );
        must_be(
            self.untold == 0,
            format!("{} of {} damages of outboxes are told by no gap.", self.untold, self.outboxes_damaged),
        );
        must_be(
            self.asleep == 0,
            format!(
                "{} junctions say of more than a fifth of their passages that nobody watched.",
                self.asleep
            ),
        );
        must_be(
            self.backlog == self.backlog_stored + self.backlog_dropped,
            format!(
                "Of {} rows in an outbox that was too full {} are stored and {} told as dropped.",
                self.backlog, self.backlog_stored, self.backlog_dropped
            ),
        );
        must_be(
            self.backlog == 0 || self.backlog_dropped > 0,
            "The limit of an outbox that was too full has dropped nothing.".to_owned(),
        );
        must_be(
            self.tables_disks_filled == 0 || self.writes_refused > 0,
            "The disk of the tables was filled, but the database refused nothing.".to_owned(),
        );
        must_be(
            self.writes_refused == 0 || self.told_full > 0,
            "The database refused to write for want of room, but the server's health never said so."
                .to_owned(),
        );
        must_be(
            self.unclear_answers == 0,
            format!("{} answers to people helped nobody while the disk was full.", self.unclear_answers),
        );
        must_be(
            self.people_left_alone == 0,
            format!(
                "{} times people did not get what they wanted when there was room again.",
                self.people_left_alone
            ),
        );
        must_be(
            self.lamp_conflicts == 0,
            format!("Lamps that conflict were released together {} times.", self.lamp_conflicts),
        );
        must_be(self.interlock_trips == 0, format!("{} interlock trips.", self.interlock_trips));
        must_be(self.errors == 0, format!("{} errors; the lines above and the logs name them.", self.errors));
        sentences
    }
}
