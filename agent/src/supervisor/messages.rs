//! What the signal says to others; the same for `run` and `replay`.

use crate::config::{Driver, OutputConfig};
use crate::estimation::Alarm;
use crate::output::Switches;
use crate::signal::{Choice, Decision, Shown};
use flextraff_common::junction::Junction;
use flextraff_common::time::Moment;
use flextraff_common::wire::{
    AlternativeStatus, CabinetStatus, ControlLevel, DecisionStatus, PlanState, PlanStatus, Signal,
};

/// Time between two signal messages without a change, milliseconds.
pub const SIGNAL_PERIOD_MS: i64 = 5000;

/// A decision older than this no longer says how greens come about, milliseconds: more than a clearance and a shortest green.
const DECISION_COUNTS_MS: i64 = 60_000;

/// The last decision as the status says it; none where greens have run as planned for a while.
pub fn decision(junction: &Junction, decision: Option<&Decision>, now: &Moment) -> Option<DecisionStatus> {
    let decision = decision.filter(|decision| now.mono.since(decision.at) <= DECISION_COUNTS_MS)?;
    let cost = |choice: &Choice| choice.cost.is_finite().then(|| (choice.cost * 10.0).round() / 10.0);
    let name = |choice: &Choice| junction.stage(choice.stage).name.clone();
    let alternative =
        |other: &Choice| AlternativeStatus { stage: name(other), hold_s: other.hold_s, cost: cost(other) };
    Some(DecisionStatus {
        stage: name(&decision.best),
        hold_s: decision.best.hold_s,
        cost: cost(&decision.best),
        alternatives: decision.alternatives.iter().map(alternative).collect(),
        reason: decision.sentence(junction),
    })
}

/// How much later than its offset the running cycle began, seconds; none: it is not coordinated.
pub fn offset_error_s(shown: &Shown) -> Option<f64> {
    shown.offset_error_ms.map(|error_ms| error_ms as f64 / 1000.0)
}

/// The signal message of this moment.
pub fn signal(junction: &Junction, shown: &Shown, now: &Moment) -> Signal {
    let name = |stage: Option<flextraff_common::junction::StageIx>| {
        stage.map(|stage| junction.stage(stage).name.clone())
    };
    Signal {
        t: now.wall,
        stage: name(shown.stage),
        state: shown.state,
        next_stage: name(shown.next_stage),
        groups: junction
            .groups()
            .iter()
            .map(|group| group.name.clone())
            .zip(shown.lamps.iter().copied())
            .collect(),
        since: now.wall_at(shown.at),
        plan_id: shown.plan_id.clone(),
        mode: shown.mode,
        cycle_second: shown.cycle_second(now.mono),
    }
}

/// Says in the log what ends greens from now on.
pub fn log_level(level: Option<ControlLevel>) {
    let level = level.map_or("none: not decided here", ControlLevel::name);
    tracing::info!(level, "level of control");
}

/// Says in the log that tactical control has failed.
pub fn log_defect(reason: &str) {
    tracing::error!(reason, "tactical control has failed; a simpler level decides, for a minute at least");
}

/// Says in the log what a person should look into; never which vehicle it is.
pub fn log_alarm(junction: &Junction, alarm: &Alarm) {
    let (kind, lane) = (alarm.kind.name(), junction.lane(alarm.lane).name.as_str());
    tracing::warn!(kind, lane, class = alarm.class.name(), "{alarm}");
}

/// Says in the log what became of a plan.
pub fn log_plan(status: &PlanStatus) {
    let plan = status.plan_id.as_deref().unwrap_or("without a name");
    match status.state {
        PlanState::Running => tracing::info!(plan, "plan is running"),
        PlanState::Pending => tracing::debug!(plan, "plan starts when the running cycle ends"),
        PlanState::Refused => tracing::warn!(plan, reasons = status.reasons.join("; "), "plan refused"),
    }
}

/// Says in the log which switches in the cabinet have changed.
pub fn log_switches(before: Switches, after: Switches) {
    let told = [
        (before.panel, after.panel, "the panel in the cabinet is switched on", "the panel is switched off"),
        (before.flash, after.flash, "the flash switch is on", "the flash switch is off"),
        (before.door, after.door, "the door of the cabinet is open", "the door of the cabinet is shut"),
    ];
    for (_, is_on, on, off) in told.into_iter().filter(|(was, is, ..)| was != is) {
        tracing::warn!("{}", if is_on { on } else { off });
    }
}

/// The switches in the cabinet as the status says them; none where none is wired.
pub fn cabinet(config: &OutputConfig, switches: Switches) -> Option<CabinetStatus> {
    let is_wired = config.driver != Driver::Virtual && config.input.is_wired();
    is_wired.then_some(CabinetStatus {
        panel: switches.panel,
        flash: switches.flash,
        door_open: switches.door,
    })
}

/// Writes to the log what a lamp test has found.
pub fn log_test(found: &[String]) {
    if found.is_empty() {
        tracing::info!("the lamp test is over; no feedback contradicts it");
    }
    for found in found {
        tracing::warn!(found, "the lamp test has found something");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Grounds;
    use crate::signal::tests::{at, four_way};
    use flextraff_common::junction::StageIx;

    #[test]
    fn the_status_says_what_else_was_weighed_and_what_it_would_cost() {
        let junction = four_way();
        let choice = |stage, hold_s, cost| Choice { stage: StageIx::new(stage), hold_s, cost };
        let now = at(100.0);
        let decided = Decision {
            at: now.mono,
            stage: StageIx::new(0),
            best: choice(0, 1, 212.04),
            alternatives: vec![choice(2, 4, 240.26), choice(1, 0, f64::INFINITY)],
            forced: None,
            grounds: Grounds::Cost,
            wish: None,
        };
        let status = decision(&junction, Some(&decided), &now).expect("it is new");
        assert_eq!((status.hold_s, status.cost), (1, Some(212.0)));
        let name = |stage| junction.stage(StageIx::new(stage)).name.clone();
        let expected = [
            AlternativeStatus { stage: name(2), hold_s: 4, cost: Some(240.3) },
            AlternativeStatus { stage: name(1), hold_s: 0, cost: None },
        ];
        assert_eq!(status.alternatives, expected);
        let silent = decision(&junction, Some(&decided), &at(161.0));
        assert_eq!(silent, None, "greens have run as planned since");
    }
}
