//! What of the messages that wait for the broker goes out when it is back; pure.
//!
//! Agents count the validity of a plan from its receipt: one that waited would hold for as long again, however late it comes. And whoever made it
//! does not know what another server has ended or set since: an override that is over would begin anew, and an end that is stale would take an
//! emergency off the road. So no plan waits for a broker; what holds when it is back is made then, by what the database says.

use super::Outgoing;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{GreenTime, decode, encode};
use std::collections::VecDeque;

/// A plan may be so old and still go out as it is, milliseconds.
const FRESH_MS: i64 = 1000;

/// Takes out all plans; everything else stays, in its order.
pub(super) fn forget_plans(queue: &mut VecDeque<Outgoing>) {
    queue.retain(|message| !matches!(message.topic, Topic::GreenTime(_)));
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
    use flextraff_common::ids::{DeviceId, JunctionId};
    use flextraff_common::wire::{Command, CommandType, Mode};
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

    /// For how long a plan of minute 0 is to hold when it goes out, seconds.
    fn left(minute: i64) -> Option<f64> {
        let message = made(1, 0, Mode::Emergency, 300.0, false);
        let text = payload(&message, START + minute * MINUTE)?;
        decode::<GreenTime>(text.as_bytes()).unwrap().valid_s
    }

    #[test]
    fn an_override_never_holds_for_longer_than_was_asked_for() {
        let validities = [0, 1, 4, 5, 30].map(left);
        assert_eq!(validities, [Some(300.0), Some(240.0), Some(60.0), None, None]);
        // The clock was set back: what it says of the age is nothing to go by.
        assert_eq!(left(-10), Some(300.0));
    }

    #[test]
    fn no_plan_waits_for_the_broker_and_all_else_does_in_order() {
        let topic = Topic::Ack(junction(1), DeviceId(Uuid::from_u128(9)));
        let ack = Outgoing { topic, payload: "{}".into() };
        let mut queue = VecDeque::from([
            made(1, 0, Mode::Automatic, 900.0, true),
            command(),
            made(2, 1, Mode::ManualOverride, 3600.0, false),
            ack.clone(),
            made(1, 3, Mode::Emergency, 600.0, false),
        ]);
        forget_plans(&mut queue);
        assert_eq!(queue, [command(), ack]);
    }

    #[test]
    fn a_plan_that_says_nothing_of_its_time_goes_out_as_it_is() {
        let plan = GreenTime { junction_id: junction(1), ..GreenTime::default() };
        let message = Outgoing { topic: Topic::GreenTime(junction(1)), payload: encode(&plan) };
        assert_eq!(payload(&message, START), Some(message.payload.clone()));
    }
}
