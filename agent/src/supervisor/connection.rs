//! What is known of the connection to the broker, for the status and for a person at this machine.

use crate::link::LinkEvent;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::LinkStatus;

/// A takeover is told for so long, milliseconds: over all the waits of a device that comes back only now and then.
const TOLD_MS: i64 = 3_600_000;

/// The connection to the broker since the agent started.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// Whether there is one.
    pub(super) connected: bool,
    failures: u64,
    cause: Option<String>,
    taken_over: Option<MonoMs>,
}

impl Connection {
    /// Takes what the link tells, as far as it concerns the connection.
    pub(super) fn handle(&mut self, event: &LinkEvent, now: MonoMs) {
        match event {
            LinkEvent::Connected => self.connected = true,
            LinkEvent::Disconnected { reason, taken_over } => {
                self.connected = false;
                self.failures += 1;
                self.cause = Some(reason.clone());
                if *taken_over {
                    self.taken_over = Some(now);
                }
            }
            _ => {}
        }
    }

    /// As the status says it.
    pub(super) fn status(&self, now: MonoMs) -> LinkStatus {
        let taken_over = self.taken_over.map(|at| now.since(at)).filter(|ms| *ms < TOLD_MS);
        LinkStatus {
            failures: self.failures,
            cause: self.cause.clone(),
            taken_over_s: taken_over.map(|ms| ms.max(0).unsigned_abs() / 1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_takeover_is_told_for_an_hour_and_the_last_cause_until_the_next() {
        let mut connection = Connection::default();
        assert_eq!(connection.status(MonoMs(0)), LinkStatus::default());
        let ended =
            |reason: &str, taken_over| LinkEvent::Disconnected { reason: reason.to_owned(), taken_over };
        connection.handle(&LinkEvent::Connected, MonoMs(0));
        connection.handle(&ended("another client", true), MonoMs(5000));
        assert!(!connection.connected);
        connection.handle(&ended("no network", false), MonoMs(8000));
        connection.handle(&LinkEvent::Connected, MonoMs(9000));
        assert!(connection.connected);
        let told = connection.status(MonoMs(65_000));
        let cause = Some("no network".to_owned());
        assert_eq!(told, LinkStatus { failures: 2, cause, taken_over_s: Some(60) });
        assert_eq!(connection.status(MonoMs(3_604_999)).taken_over_s, Some(3599));
        assert_eq!(connection.status(MonoMs(3_605_000)).taken_over_s, None);
    }
}
