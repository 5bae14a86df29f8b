//! What the agent says: lamps, stage, signal, status, and every message, which is a printed line here.

use super::{Engine, seconds};
use crate::health;
use crate::reader::source::Source;
use crate::signal::Shown;
use crate::supervisor::messages::{self, SIGNAL_PERIOD_MS};
use flextraff_common::junction::StageIx;
use flextraff_common::time::Moment;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Ack, ControllerStatus, ReaderState, ReaderStatus, encode};
use serde_json::json;
use std::sync::Arc;

impl Engine {
    /// Lines for the lamps and the stage, as far as they changed.
    pub(super) fn show(&mut self, shown: Shown) {
        let junction = Arc::clone(&self.config.junction);
        let Some(lamps) = self.running.as_mut().and_then(|running| running.lamps.as_mut()) else { return };
        let t = seconds(shown.at);
        if lamps.told_lamps.as_ref() != Some(&shown.lamps) {
            let vector: serde_json::Map<String, serde_json::Value> = junction
                .groups()
                .iter()
                .zip(&shown.lamps)
                .map(|(group, aspect)| (group.name.clone(), json!(aspect)))
                .collect();
            self.lines.push(json!({"t": t, "lamps": vector}).to_string());
            lamps.told_lamps = Some(shown.lamps.clone());
        }
        let stage = (shown.stage, shown.state, shown.next_stage);
        let is_new = lamps.told_stage.as_ref() != Some(&stage);
        if is_new {
            let name = |stage: Option<StageIx>| stage.map(|stage| junction.stage(stage).name.clone());
            let mut line = json!({"t": t, "stage": name(shown.stage), "state": shown.state});
            if let Some(next) = name(shown.next_stage) {
                line["next_stage"] = json!(next);
            }
            self.lines.push(line.to_string());
            lamps.told_stage = Some(stage);
        }
        lamps.shown = Some(shown);
        if is_new {
            self.explain_planned(t);
        }
    }

    pub(super) fn tell_signal(&mut self, now: &Moment) {
        let Some(running) = &mut self.running else { return };
        running.signal_due = now.mono + SIGNAL_PERIOD_MS;
        if let Some(shown) = running.lamps.as_ref().and_then(|lamps| lamps.shown.as_ref()) {
            let signal = messages::signal(&self.config.junction, shown, now);
            running.session.handle_live(Topic::Signal(self.config.junction.id), encode(&signal));
        }
    }

    pub(super) fn tell_status(&mut self, now: &Moment) {
        let Some(running) = &mut self.running else { return };
        let readers = self.readers.iter().enumerate().map(|(at, name)| {
            let line = running.sources[at].as_ref().map(Source::line).unwrap_or_default();
            ReaderStatus {
                name: name.clone(),
                state: if running.up[at] { ReaderState::Up } else { ReaderState::Down },
                reads_per_s: 0.0,
                bad_frames: line.bad_frames,
                dropped_bytes: line.dropped_bytes,
                unmapped: running.sources[at].as_ref().map_or(0, Source::unmapped),
                protocol: None,
                baud: None,
                detail: running.sources[at].as_ref().and_then(Source::misplaced),
            }
        });
        let estimates = running.lamps.as_mut().and_then(|lamps| lamps.control.estimates(now.mono));
        let controller = running.lamps.as_ref().and_then(|lamps| {
            let shown = lamps.shown.as_ref()?;
            let fault = lamps.control.controller.fault().map(str::to_owned);
            Some(ControllerStatus {
                state: shown.state,
                mode: shown.mode,
                control: Some(shown.control),
                fault,
                interlock_trips: lamps.trips,
                level: lamps.level,
                offset_error_s: messages::offset_error_s(shown),
                decision: messages::decision(&self.config.junction, lamps.decision.as_ref(), now),
                lamp_loop: None,
                cabinet: None,
            })
        });
        let parts = health::Parts {
            boot_id: running.boot,
            started: running.started,
            link: None,
            outbox: running.recorder.status(now),
            readers: readers.collect(),
            controller,
            plan: running.plan.clone(),
            estimates,
            alarms: running.lamps.as_ref().map_or_else(Vec::new, |lamps| lamps.alarms.status()),
        };
        let status = health::status(&self.config, parts, *now);
        running.session.set_status(status, now.mono);
    }

    pub(super) fn publish(&mut self, topic: Topic, payload: &str, now: &Moment) {
        let (t, qos, retain) = (json!(seconds(now.mono)), topic.qos(), topic.retained());
        self.lines.push(format!(
            "{{\"t\":{t},\"publish\":{{\"topic\":\"{topic}\",\"payload\":{payload},\"qos\":{qos},\"retain\":{retain}}}}}"
        ));
        let Some(running) = &mut self.running else { return };
        if self.ack && topic.is_outbox() {
            let seq = serde_json::from_str::<serde_json::Value>(payload)
                .ok()
                .and_then(|payload| payload.get("seq")?.as_u64());
            if let Some(seq) = seq {
                let outbox_id = running.recorder.outbox_id();
                let ack = Ack { outbox_id, committed: vec![(seq, seq)], rejected: Vec::new() };
                let topic = Topic::Ack(self.config.junction.id, self.config.device).to_string();
                running.session.handle_message(&topic, encode(&ack).as_bytes(), now.mono);
            }
        }
    }
}
