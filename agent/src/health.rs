//! The status message: what a device tells about itself on each change and every [`PERIOD_MS`].

use crate::config::Config;
use flextraff_common::ids::{BootId, DeviceId};
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{
    AlarmStatus, ControllerStatus, Estimates, LaneEstimates, LinkStatus, OutboxStatus, PlanState, PlanStatus,
    ReaderSight, ReaderStatus, Status,
};

/// Time between two status messages without a change, milliseconds.
pub const PERIOD_MS: i64 = 30_000;

/// What the other modules know about themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The present uptime of the machine.
    pub boot_id: BootId,
    /// When the agent started.
    pub started: MonoMs,
    /// The connection to the broker; none without a broker.
    pub link: Option<LinkStatus>,
    /// What waits to be confirmed; none while its database cannot be opened.
    pub outbox: Option<OutboxStatus>,
    /// The readers, in the order of the TOML.
    pub readers: Vec<ReaderStatus>,
    /// The signal controller; none on a counter.
    pub controller: Option<ControllerStatus>,
    /// The last plan received.
    pub plan: Option<PlanStatus>,
    /// What is known of the lanes; none on a counter.
    pub estimates: Option<Estimates>,
    /// What a person should look into.
    pub alarms: Vec<AlarmStatus>,
}

/// The status message of this moment.
pub fn status(config: &Config, parts: Parts, now: Moment) -> Status {
    Status {
        device_id: config.device,
        online: true,
        device_type: Some(config.device_type),
        software_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        config_hash: Some(config.hash.clone()),
        boot_id: Some(parts.boot_id),
        uptime_s: Some(now.mono.since(parts.started).max(0) as u64 / 1000),
        clock: Some(now.clock),
        link: parts.link,
        outbox: parts.outbox,
        readers: parts.readers,
        controller: parts.controller,
        plan: parts.plan,
        estimates: parts.estimates,
        alarms: parts.alarms,
    }
}

/// What the broker says of the device when the connection breaks, and what the agent says when it ends.
pub fn offline(device: DeviceId) -> Status {
    Status {
        device_id: device,
        online: false,
        device_type: None,
        software_version: None,
        config_hash: None,
        boot_id: None,
        uptime_s: None,
        clock: None,
        link: None,
        outbox: None,
        readers: Vec::new(),
        controller: None,
        plan: None,
        estimates: None,
        alarms: Vec::new(),
    }
}

/// A decision whose green ends this much earlier or later than was told is news, seconds.
const ENDS_OTHERWISE_S: u64 = 3;

/// Whether what tactical control has decided is no longer what was told: another stage, or another end of its green.
fn decides_anew(last: &Status, present: &Status) -> bool {
    let decided = |status: &Status| {
        let decision = status.controller.as_ref()?.decision.as_ref()?;
        Some((decision.stage.clone(), status.uptime_s?.saturating_add(decision.hold_s.into())))
    };
    match (decided(last), decided(present)) {
        (Some((last, last_end)), Some((stage, end))) => {
            stage != last || end.abs_diff(last_end) >= ENDS_OTHERWISE_S
        }
        (None, present) => present.is_some(),
        // Without control there is nothing to look at, and the mode or the level says so.
        (Some(_), None) => false,
    }
}

/// Lanes that nobody watches, the own readers or those of other devices.
fn unwatched(status: &Status) -> Vec<&str> {
    let lanes = status.estimates.iter().flat_map(|estimates| &estimates.lanes);
    let is_down =
        |lane: &LaneEstimates| lane.stop_reader.is_some_and(|reader| reader.state == ReaderSight::Down);
    lanes.filter(|(_, lane)| is_down(lane)).map(|(name, _)| name.as_str()).collect()
}

/// Forgets what became of a plan that neither runs nor waits any more. A refusal that has come since stays.
pub fn forget_plan(plan: &mut Option<PlanStatus>, plan_id: Option<&str>) {
    plan.take_if(|told| told.plan_id.as_deref() == plan_id && told.state != PlanState::Refused);
}

/// Whether a status differs from the last one sent in something that people act on, rather than in what only counts up: also when everything
/// that was counted since has reached the server.
pub fn changed(last: &Status, present: &Status) -> bool {
    let all_delivered = |status: &Status| {
        status.outbox.as_ref().filter(|outbox| outbox.rows == 0).map(|outbox| outbox.counts_made)
    };
    if let Some(delivered) = all_delivered(present)
        && last.outbox.as_ref().is_none_or(|outbox| outbox.rows > 0 || outbox.counts_made != delivered)
    {
        return true;
    }
    if decides_anew(last, present) || unwatched(last) != unwatched(present) {
        return true;
    }
    let settled = |status: &Status| {
        let mut status = status.clone();
        status.uptime_s = None;
        if let Some(link) = &mut status.link {
            link.taken_over_s = link.taken_over_s.map(|_| 0);
        }
        if let Some(outbox) = &mut status.outbox {
            *outbox = OutboxStatus {
                dropped: outbox.dropped,
                parked: outbox.parked,
                failure: outbox.failure.take(),
                ..OutboxStatus::default()
            };
        }
        if let Some(controller) = &mut status.controller {
            // There is one each second, mostly the one before a second later.
            controller.decision = None;
            controller.lamp_loop = None;
        }
        // They are a little older each second, and go along with what else there is to tell.
        status.estimates = None;
        for reader in &mut status.readers {
            (reader.reads_per_s, reader.bad_frames, reader.dropped_bytes) = (0.0, 0, 0);
            // That there is one is news.
            reader.unmapped = reader.unmapped.min(1);
        }
        status
    };
    settled(last) != settled(present)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::time::{ClockState, UnixMs};
    use flextraff_common::wire::{ControllerState, DecisionStatus, DeviceType, Mode, ReaderEstimate};
    use std::path::Path;
    use uuid::Uuid;

    fn parts() -> Parts {
        Parts {
            boot_id: BootId(Uuid::from_u128(7)),
            started: MonoMs(4000),
            link: None,
            outbox: Some(OutboxStatus::default()),
            readers: Vec::new(),
            controller: None,
            plan: None,
            estimates: None,
            alarms: Vec::new(),
        }
    }

    fn at(ms: i64) -> Moment {
        Moment { mono: MonoMs(ms), wall: UnixMs(ms), clock: ClockState::Synced }
    }

    #[test]
    fn a_status_says_who_and_since_when_and_counting_on_is_no_change() {
        let example = include_str!("../../config/agent.toml");
        let config = crate::config::parse(Path::new("agent.toml"), example).unwrap();
        let first = status(&config, parts(), at(9999));
        assert_eq!((first.device_id, first.online, first.uptime_s), (config.device, true, Some(5)));
        assert_eq!(first.device_type, Some(DeviceType::LightController));
        assert_eq!(first.config_hash.as_deref(), Some(config.hash.as_str()));

        let more_rows = OutboxStatus { rows: 9, bytes: 4096, ..OutboxStatus::default() };
        let later = status(&config, Parts { outbox: Some(more_rows), ..parts() }, at(12_000));
        assert!(!changed(&first, &later));
        let dropped = OutboxStatus { dropped: 1, ..OutboxStatus::default() };
        assert!(changed(&first, &status(&config, Parts { outbox: Some(dropped), ..parts() }, at(12_000))));
        let unsynced = Moment { clock: ClockState::Unsynced, ..at(12_000) };
        assert!(changed(&first, &status(&config, parts(), unsynced)));
    }

    #[test]
    fn a_takeover_is_a_change_and_its_age_is_none() {
        let example = include_str!("../../config/agent.toml");
        let config = crate::config::parse(Path::new("agent.toml"), example).unwrap();
        let with = |taken_over_s| {
            let link = Some(LinkStatus { taken_over_s, ..LinkStatus::default() });
            status(&config, Parts { link, ..parts() }, at(12_000))
        };
        assert!(changed(&with(None), &with(Some(0))));
        assert!(!changed(&with(Some(0)), &with(Some(1))));
        assert!(changed(&with(Some(3599)), &with(None)));
    }

    #[test]
    fn the_first_read_that_belongs_to_no_lane_is_a_change() {
        let example = include_str!("../../config/agent.toml");
        let config = crate::config::parse(Path::new("agent.toml"), example).unwrap();
        let with = |unmapped: u64| {
            let north = serde_json::json!({"name": "north", "state": "up", "reads_per_s": 1.0, "bad_frames": 0,
                "dropped_bytes": 0, "unmapped": unmapped});
            let readers = vec![serde_json::from_value(north).unwrap()];
            status(&config, Parts { readers, ..parts() }, at(12_000))
        };
        assert!(changed(&with(0), &with(1)));
        assert!(!changed(&with(1), &with(9)));
    }

    fn decision(stage: &str, hold_s: u32, cost: f64) -> DecisionStatus {
        DecisionStatus {
            stage: stage.to_owned(),
            hold_s,
            cost: Some(cost),
            alternatives: Vec::new(),
            reason: format!("hold {stage} {hold_s} s"),
        }
    }

    #[test]
    fn a_decision_is_told_at_once_and_its_countdown_is_no_change() {
        let example = include_str!("../../config/agent.toml");
        let config = crate::config::parse(Path::new("agent.toml"), example).unwrap();
        let controller = |mode, cost: Option<f64>| ControllerStatus {
            state: ControllerState::Green,
            mode,
            control: None,
            fault: None,
            interlock_trips: 0,
            level: None,
            offset_error_s: None,
            decision: cost.map(|cost| decision("N", 4, cost)),
            lamp_loop: None,
            cabinet: None,
        };
        let with =
            |controller| status(&config, Parts { controller: Some(controller), ..parts() }, at(12_000));
        let first = with(controller(Mode::Automatic, None));
        let later = with(controller(Mode::Automatic, Some(212.0)));
        assert!(changed(&first, &later));
        let decided = |stage, hold_s, ms| {
            let controller = ControllerStatus {
                decision: Some(decision(stage, hold_s, 213.0)),
                ..controller(Mode::Automatic, None)
            };
            status(&config, Parts { controller: Some(controller), ..parts() }, at(ms))
        };
        assert!(!changed(&later, &decided("N", 3, 13_000)), "a second later, a second less");
        assert!(!changed(&later, &decided("N", 5, 13_000)), "2 s more");
        assert!(changed(&later, &decided("N", 6, 13_000)), "3 s more");
        assert!(changed(&later, &decided("N", 0, 13_000)), "3 s less");
        assert!(changed(&later, &decided("E", 3, 13_000)), "another stage");
        assert!(changed(&first, &with(controller(Mode::Emergency, Some(212.0)))));
        let json = serde_json::to_value(&later).unwrap();
        assert_eq!(json["controller"]["decision"]["cost"], 212.0);
        let json = serde_json::to_value(&first).unwrap();
        assert!(json["controller"].get("decision").is_none(), "{json}");
    }

    #[test]
    fn estimates_are_told_and_are_no_change_but_for_a_lane_that_nobody_watches() {
        let example = include_str!("../../config/agent.toml");
        let config = crate::config::parse(Path::new("agent.toml"), example).unwrap();
        let lanes = [("N".to_owned(), LaneEstimates::default())].into();
        let with = |estimates| status(&config, Parts { estimates, ..parts() }, at(12_000));
        let sees = |state, silent_s| LaneEstimates {
            stop_reader: Some(ReaderEstimate { state, silent_s }),
            ..LaneEstimates::default()
        };
        let of =
            |lane| with(Some(Estimates { lanes: [("N".to_owned(), lane)].into(), ..Estimates::default() }));
        let works = of(sees(ReaderSight::Works, Some(1)));
        assert!(!changed(&works, &of(sees(ReaderSight::Silent, Some(60)))));
        assert!(changed(&works, &of(sees(ReaderSight::Down, Some(60)))));
        assert!(!changed(&of(sees(ReaderSight::Down, Some(60))), &of(sees(ReaderSight::Down, Some(61)))));
        let (without, with) = (with(None), with(Some(Estimates { lanes, ..Estimates::default() })));
        assert!(!changed(&without, &with));
        assert!(serde_json::to_value(&with).unwrap()["estimates"]["lanes"]["N"].is_object());
        assert!(serde_json::to_value(&without).unwrap().get("estimates").is_none());
    }

    #[test]
    fn the_last_will_says_offline_and_nothing_else() {
        let will = serde_json::to_value(offline(DeviceId(Uuid::nil()))).unwrap();
        assert_eq!(will.as_object().map(serde_json::Map::len), Some(2), "{will}");
    }
}
