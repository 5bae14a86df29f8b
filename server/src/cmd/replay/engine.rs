//! Ingest and planner on one given clock.

use super::input::{self, Content};
use super::ledger::Ledger;
use crate::clock::Stamps;
use crate::db::registry::Registry;
use crate::ingest::{self, Applied, Fate, Item, answers, check, to_utc};
use crate::junction_file::JunctionFile;
use crate::planner::{PlanCommand, Planner, Site};
use flextraff_common::junction::Junction;
use flextraff_common::plan::Limits;
use flextraff_common::replay::{Replay, seconds};
use flextraff_common::time::{MonoMs, UnixMs};
use flextraff_common::wire::encode;
use flextraff_common::wire::topics::{Topic, server_filters};
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use uuid::Uuid;

/// The server on a given clock.
pub(super) struct Engine {
    epoch: UnixMs,
    registry: Registry,
    ledger: Ledger,
    stamps: Stamps,
    planner: Planner,
    /// Junctions that the planner gets with the first line, because its clock starts with it.
    coming: Vec<(Arc<Junction>, Limits, u32)>,
    now: Option<MonoMs>,
    link_up: bool,
    /// What waits for the link; a later message takes the place of an earlier one on its topic.
    waiting: BTreeMap<Topic, String>,
    lines: Vec<String>,
}

impl Replay for Engine {
    type Line<'a> = input::Line<'a>;

    fn now(&self) -> Option<MonoMs> {
        self.now
    }

    fn start(&mut self, at: MonoMs) -> io::Result<()> {
        let now = self.wall(at);
        for (junction, limits, base_cycle_s) in std::mem::take(&mut self.coming) {
            self.planner.add_site(Site::new(junction, limits, base_cycle_s, None, now));
        }
        self.now = Some(at);
        Ok(())
    }

    /// Runs every timer that is due up to and including `to`.
    fn advance(&mut self, to: MonoMs) {
        while let Some(due) = self.planner.next_timeout() {
            let at = MonoMs(due.since(self.epoch));
            if at > to {
                break;
            }
            self.planner.handle_timeout(due);
            self.obey(at);
        }
        self.now = Some(to);
    }

    fn take(&mut self, line: input::Line<'_>, at: MonoMs) -> Result<(), String> {
        self.handle(input::content(line)?, at)
    }

    fn lines(&mut self) -> &mut Vec<String> {
        &mut self.lines
    }
}

impl Engine {
    /// A server that starts with the first line; says that it is ready.
    ///
    /// # Errors
    /// Every rule that a junction breaks.
    pub(super) fn new(file: &JunctionFile, epoch: UnixMs, seed: u64) -> Result<Self, Vec<String>> {
        let coming = file
            .junctions
            .iter()
            .map(|entry| Ok((Arc::new(entry.build()?), entry.limits(), entry.base_cycle_s())))
            .collect::<Result<_, Vec<String>>>()?;
        let mut made = 0_u64;
        let ids = move || {
            made += 1;
            Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{seed}/{made}").as_bytes())
        };
        Ok(Self {
            epoch,
            registry: Registry::from(file),
            ledger: Ledger::default(),
            stamps: Stamps::default(),
            planner: Planner::new(Box::new(ids)),
            coming,
            now: None,
            link_up: true,
            waiting: BTreeMap::new(),
            lines: vec![json!({"ready": true, "subscribe": server_filters()}).to_string()],
        })
    }

    fn wall(&self, at: MonoMs) -> UnixMs {
        self.epoch + at.0
    }

    fn handle(&mut self, content: Content, at: MonoMs) -> Result<(), String> {
        match content {
            Content::Link { up } => {
                self.link_up = up;
                if up {
                    for (topic, payload) in std::mem::take(&mut self.waiting) {
                        self.publish(topic, payload, at);
                    }
                }
                Ok(())
            }
            Content::Message { topic, payload } if self.link_up => self.receive(topic, payload, at),
            Content::Time | Content::Message { .. } => Ok(()),
        }
    }

    /// A message comes in, is judged, acknowledged and told, as a batch of one.
    fn receive(&mut self, topic: String, payload: Vec<u8>, at: MonoMs) -> Result<(), String> {
        if topic.parse().is_ok_and(goes_down) {
            return Ok(());
        }
        let now = self.wall(at);
        let received = self.stamps.stamp(to_utc(now).unwrap_or_default());
        let item = Item::new(topic, payload, received);
        let fate = self.judge(&item);
        let answers = answers(std::slice::from_ref(&item), std::slice::from_ref(&fate));
        let result = match &fate {
            Fate::Refused(refusal) if answers.is_empty() => Err(refusal.detail.clone()),
            _ => Ok(()),
        };
        for answer in answers {
            self.publish(answer.topic, answer.payload, at);
        }
        match ingest::news(item, &fate) {
            Some(Applied::Counts(junction, lane, counts)) => {
                self.planner.handle_counts(junction, lane, &counts, now);
            }
            Some(Applied::Status(junction, status)) => self.planner.handle_status(junction, &status, now),
            Some(Applied::Cycle(..) | Applied::Signal(..) | Applied::Reply(..)) | None => {}
        }
        self.obey(at);
        result
    }

    fn judge(&mut self, item: &Item) -> Fate {
        let checked = match &item.message {
            Ok(message) => check(message, &self.registry).map(|()| message),
            Err(refusal) => Err(refusal.clone()),
        };
        match checked {
            Ok(message) if self.ledger.enter(message) => Fate::Stored,
            Ok(_) => Fate::Duplicate,
            Err(refusal) => Fate::Refused(refusal),
        }
    }

    /// Does what the planner asks for.
    fn obey(&mut self, at: MonoMs) {
        while let Some(command) = self.planner.poll() {
            match command {
                PlanCommand::Send(send) => {
                    self.publish(Topic::GreenTime(send.junction), encode(&send.message), at);
                }
                // The road's word stands in the lines that came in; nobody overrides in a replay.
                PlanCommand::Confirmed { .. } | PlanCommand::OverrideEnded { .. } => {}
            }
        }
    }

    fn publish(&mut self, topic: Topic, payload: String, at: MonoMs) {
        if !self.link_up {
            self.waiting.insert(topic, payload);
            return;
        }
        let (t, qos, retain) = (json!(seconds(at)), topic.qos(), topic.retained());
        self.lines.push(format!(
            "{{\"t\":{t},\"publish\":{{\"topic\":\"{topic}\",\"payload\":{payload},\"qos\":{qos},\"retain\":{retain}}}}}"
        ));
    }
}

/// Whether a topic is one on which the server itself publishes: it ignores what comes back.
const fn goes_down(topic: Topic) -> bool {
    matches!(
        topic,
        Topic::GreenTime(_) | Topic::Ack(..) | Topic::Command(..) | Topic::Keys(..) | Topic::Watchlist(_)
    )
}
