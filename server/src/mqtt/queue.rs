//! What of the messages that wait for the broker still holds when it is back; pure.
//!
//! Agents count the validity of a plan from its receipt: one that waited would hold for as long again, however late it comes.

use super::Outgoing;
use flextraff_common::ids::JunctionId;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{GreenTime, Mode, decode, encode};
use std::collections::{BTreeSet, VecDeque};

/// A plan may be so old and still go out as it is, milliseconds.
const FRESH_MS: i64 = 1000;

/// Takes out plans whose time is over, and overrides that a later message ends. Messages stay as they were made: when they go out is not known yet.
pub(super) fn settle(queue: &mut VecDeque<Outgoing>, now: UnixMs) {
    let mut ended: BTreeSet<JunctionId> = BTreeSet::new();
    // The newest first.
    let mut holds: Vec<bool> = Vec::with_capacity(queue.len());
    for message in queue.iter().rev() {
        let plan = plan(message);
        let is_ended = plan
            .as_ref()
            .is_some_and(|plan| plan.mode != Mode::Automatic && ended.contains(&plan.junction_id));
        holds.push(!is_ended && payload(message, now).is_some());
        ended.extend(plan.filter(|plan| plan.ends_override).map(|plan| plan.junction_id));
    }
    queue.retain(|_| holds.pop().unwrap_or(true));
}

/// What a message is to say when it goes out at `now`; `None`: nothing, its time is over.
pub(super) fn payload(message: &Outgoing, now: UnixMs) -> Option<String> {
    let as_it_is = || Some(message.payload.clone());
    let Some(mut plan) = plan(message) else { return as_it_is() };
    let (Some(made), Some(valid_s)) = (plan.timestamp, plan.valid_s) else { return as_it_is() };
    let age_ms = now.since(made);
    if age_ms < FRESH_MS {
        return as_it_is();
    }
    let left_s = valid_s - age_ms as f64 / 1000.0;
    if left_s <= 0.0 {
        return None;
    }
    (plan.timestamp, plan.valid_s) = (Some(now), Some(left_s.ceil()));
    Some(encode(&plan))
}

fn plan(message: &Outgoing) -> Option<GreenTime> {
    matches!(message.topic, Topic::GreenTime(_)).then(|| decode(message.payload.as_bytes()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::ids::DeviceId;
    use flextraff_common::wire::{Command, CommandType};
    use uuid::Uuid;

    const MINUTE: i64 = 60_000;
    const START: UnixMs = UnixMs(1_770_000_000_000);

    fn junction(id: u128) -> JunctionId {
        JunctionId(Uuid::from_u128(id))
    }

    fn made(id: u128, minute: i64, mode: Mode, valid_s: f64, ends_override: bool) -> Outgoing {
        let plan = GreenTime {
            junction_id: junction(id),
            timestamp: Some(START + minute * MINUTE),
            mode,
            valid_s: Some(valid_s),
            ends_override,
            reason: Some(format!("{mode:?} of minute {minute}")),
            ..GreenTime::default()
        };
        Outgoing { topic: Topic::GreenTime(junction(id)), payload: encode(&plan) }
    }

    fn command() -> Outgoing {
        let command = Command { id: "1".into(), command: CommandType::Identify, expires_at: START };
        Outgoing {
            topic: Topic::Command(junction(1), DeviceId(Uuid::from_u128(9))),
            payload: encode(&command),
        }
    }

    /// Reason and validity of each plan that goes out, and what is no plan.
    fn sent(mut queue: VecDeque<Outgoing>, minute: i64) -> Vec<String> {
        let now = START + minute * MINUTE;
        settle(&mut queue, now);
        let said = |message: &Outgoing| {
            let sent = Outgoing { payload: payload(message, now)?, ..message.clone() };
            Some(match plan(&sent) {
                Some(plan) => {
                    let from = plan.timestamp?.since(START) / MINUTE;
                    format!("{}: {} s from minute {from}", plan.reason?, plan.valid_s?)
                }
                None => sent.payload,
            })
        };
        queue.iter().filter_map(said).collect()
    }

    #[test]
    fn an_override_never_holds_for_longer_than_was_asked_for() {
        let queue = || VecDeque::from([made(1, 0, Mode::Emergency, 300.0, false)]);
        assert_eq!(sent(queue(), 0), ["Emergency of minute 0: 300 s from minute 0"]);
        assert_eq!(sent(queue(), 4), ["Emergency of minute 0: 60 s from minute 4"]);
        assert_eq!(sent(queue(), 5), [""; 0]);
        assert_eq!(sent(queue(), 30), [""; 0]);
        // The clock was set back: what it says of the age is nothing to go by.
        assert_eq!(sent(queue(), -10), ["Emergency of minute 0: 300 s from minute 0"]);
    }

    #[test]
    fn what_was_ended_meanwhile_does_not_begin_and_all_else_waits_in_order() {
        let queue = VecDeque::from([
            made(1, 0, Mode::Automatic, 900.0, false),
            made(1, 1, Mode::ManualOverride, 3600.0, false),
            made(2, 1, Mode::ManualOverride, 3600.0, false),
            command(),
            made(1, 2, Mode::Automatic, 900.0, true),
            made(1, 3, Mode::Emergency, 600.0, false),
        ]);
        let asked = command();
        let expected = [
            "Automatic of minute 0: 660 s from minute 4",
            "ManualOverride of minute 1: 3420 s from minute 4",
            asked.payload.as_str(),
            "Automatic of minute 2: 780 s from minute 4",
            "Emergency of minute 3: 540 s from minute 4",
        ];
        assert_eq!(sent(queue, 4), expected);
    }

    #[test]
    fn each_attempt_shortens_from_what_was_made_at_first() {
        let mut queue = VecDeque::from([made(1, 0, Mode::ManualOverride, 600.0, false)]);
        for (minute, left) in [(1, 540.0), (2, 480.0)] {
            let now = START + minute * MINUTE;
            settle(&mut queue, now);
            let text = payload(&queue[0], now).unwrap();
            assert_eq!(decode::<GreenTime>(text.as_bytes()).unwrap().valid_s, Some(left));
        }
    }

    #[test]
    fn a_plan_that_says_nothing_of_its_time_goes_out_as_it_is() {
        let plan = GreenTime { junction_id: junction(1), ..GreenTime::default() };
        let message = Outgoing { topic: Topic::GreenTime(junction(1)), payload: encode(&plan) };
        assert_eq!(payload(&message, START), Some(message.payload.clone()));
    }
}
