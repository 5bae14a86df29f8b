//! Lines that say why greens last as long as they do, and which level of control decides.

use super::{Engine, seconds};
use crate::signal::{Choice, Decision};
use crate::supervisor::messages;
use flextraff_common::junction::Junction;
use flextraff_common::time::Moment;
use flextraff_common::wire::{ControlLevel, ControllerState};
use serde_json::json;

impl Engine {
    /// A line for a level that has taken the place of another, if greens now run as planned.
    pub(super) fn note_level(&mut self, now: &Moment) {
        let Some(lamps) = self.running.as_mut().and_then(|running| running.lamps.as_mut()) else { return };
        let level = lamps.control.controller.level();
        if level == lamps.level {
            return;
        }
        let was_tactical = lamps.level.is_some_and(ControlLevel::is_tactical);
        lamps.level = level;
        messages::log_level(level);
        if was_tactical {
            self.explain_planned(seconds(now.mono));
        }
        self.tell_status(now);
    }

    /// With `--explain` a line for a green that runs as planned.
    pub(super) fn explain_planned(&mut self, t: f64) {
        let Some(lamps) = self.running.as_ref().and_then(|running| running.lamps.as_ref()) else { return };
        let Some(shown) = &lamps.shown else { return };
        let controller = &lamps.control.controller;
        let level = controller.level();
        let planned = shown.state == ControllerState::Green && !level.is_some_and(ControlLevel::is_tactical);
        if self.explain && planned {
            let stage = shown.stage.map(|stage| self.config.junction.stage(stage).name.as_str());
            let decision = json!({"level": level, "stage": stage, "hold_s": controller.planned_green_s(),
                "cost": null, "alternatives": [], "reason": controller.reason()});
            self.lines.push(json!({"t": t, "decision": decision}).to_string());
        }
    }
}

/// A decision of tactical control, in numbers and in a sentence.
pub(super) fn explain(junction: &Junction, decision: &Decision) -> serde_json::Value {
    let choice = |choice: &Choice| {
        let cost = choice.cost.is_finite().then(|| (choice.cost * 10.0).round() / 10.0);
        json!({"stage": junction.stage(choice.stage).name, "hold_s": choice.hold_s, "cost": cost})
    };
    let mut line = choice(&decision.best);
    line["level"] = json!(decision.grounds.level());
    line["alternatives"] = decision.alternatives.iter().map(choice).collect();
    line["reason"] = json!(decision.sentence(junction));
    line
}
