//! What people at the cabinet and the server ask of the lamps, and how the answers find back to them.

use super::commands::reply;
use super::intake::{Intake, RecorderInput};
use super::{Supervisor, messages};
use crate::config::Config;
use crate::console::protocol::{FaultState, LampsState, Message, Request};
use crate::console::{Asked, Peer};
use crate::output::{ClearedFaults, LampAsk, LampInput, LampsShow};
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::encode;
use flextraff_common::wire::topics::Topic;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::oneshot;

/// Answers that may be waited for at once; whoever has waited longest gets none.
const MOST_WAITING: usize = 32;
/// How long clearing a fault may wait for the disk.
const DISK_PATIENCE: Duration = Duration::from_secs(5);

/// Who waits for an answer of the lamp loop.
#[derive(Debug)]
pub(super) enum Who {
    /// Somebody at this machine.
    Console(oneshot::Sender<Message>),
    /// The server, by the id of its command.
    Server(String),
}

/// Everybody who waits for an answer.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    next: u64,
    who: BTreeMap<u64, Who>,
}

impl Waiting {
    /// A number for the question of somebody.
    fn join(&mut self, who: Who) -> u64 {
        if self.who.len() >= MOST_WAITING {
            self.who.pop_first();
        }
        self.next += 1;
        self.who.insert(self.next, who);
        self.next
    }
}

impl Supervisor {
    /// Somebody at this machine asks.
    pub(super) fn handle_asked(&mut self, asked: Asked) {
        let Asked { request, peer, answer } = asked;
        let done = |result: Result<String, String>| match result {
            Ok(detail) => Message::Done { detail },
            Err(detail) => Message::Error { detail },
        };
        let ask = match request {
            Request::Monitor => return,
            Request::LampState => {
                let state = Message::Lamps(Box::new(self.lamps_state(&self.clock.now())));
                // Whoever has left needs none.
                let _ = answer.send(state);
                return;
            }
            Request::LampTest => LampAsk::Test { at_cabinet: true },
            Request::Flash { on } => LampAsk::Flash { on },
            Request::ClearFault => {
                let cleared = self.clear_fault_file();
                let why = match cleared {
                    Ok(true) => None,
                    Ok(false) => Some(done(Ok("no fault is latched".to_owned()))),
                    Err(why) => Some(done(Err(why))),
                };
                if let Some(why) = why {
                    let _ = answer.send(why);
                    return;
                }
                LampAsk::ClearFault
            }
        };
        log_who(request, peer);
        self.ask_lamps(Who::Console(answer), ask);
    }

    /// Asks the lamp loop; the answer goes to whoever wants it.
    pub(super) fn ask_lamps(&mut self, who: Who, ask: LampAsk) {
        let id = self.waiting.join(who);
        let sent = match &self.lamps {
            None => Err("this device drives no lamps"),
            Some(lamps) => lamps
                .inputs
                .try_send(LampInput::Ask { id, ask })
                .map_err(|_| "the lamp loop takes no request just now; try again"),
        };
        if let Err(why) = sent {
            // The lamps go on with it, and so does whoever starts after a crash.
            if let (LampAsk::ClearFault, Some(lamps), Some(fault)) = (ask, &self.lamps, &self.fault) {
                lamps.latch.store(fault.clone());
            }
            self.answered(id, Err(why.to_owned()));
        }
    }

    /// The lamp loop has answered.
    pub(super) fn answered(&mut self, id: u64, result: Result<String, String>) {
        match self.waiting.who.remove(&id) {
            Some(Who::Console(answer)) => {
                let _ = answer.send(match result {
                    Ok(detail) => Message::Done { detail },
                    Err(detail) => Message::Error { detail },
                });
            }
            Some(Who::Server(command)) => self.tell_reply(&reply(command, result)),
            None => {}
        }
    }

    /// Tells the server what came of its command.
    pub(super) fn tell_reply(&self, reply: &flextraff_common::wire::Reply) {
        let topic = Topic::Reply(self.config.junction.id, self.config.device);
        self.to_link(crate::link::LinkRequest::Live(topic, encode(reply)));
    }

    /// Takes the fault file away; `false` when there is no fault.
    fn clear_fault_file(&self) -> Result<bool, String> {
        match (&self.fault, &self.lamps) {
            (None, _) | (_, None) => Ok(false),
            (Some(_), Some(lamps)) => lamps.latch.clear(DISK_PATIENCE).map(|()| true),
        }
    }

    fn lamps_state(&self, now: &Moment) -> LampsState {
        let junction = &self.config.junction;
        LampsState {
            t: now.wall,
            driver: self.config.output.driver.name().to_owned(),
            signal: self.shown.as_ref().map(|shown| messages::signal(junction, shown, now)),
            shows: match self.shows {
                LampsShow::Signal => "signal",
                LampsShow::ToFlash => "to_flash",
                LampsShow::Flash => "flash",
                LampsShow::Test => "test",
            }
            .to_owned(),
            tested: self.tested.clone(),
            fault: self.fault.as_ref().map(|fault| FaultState {
                reason: fault.reason.clone(),
                at: fault.at,
                clock: fault.clock,
            }),
        }
    }
}

/// Tells of faults that somebody has taken away while no agent ran, in the log and as an event: the alarm is over.
pub(super) fn tell_cleared(config: &Config, recorder: &Intake, now: MonoMs) {
    let kept = ClearedFaults::beside(&config.outbox.path);
    let cleared = match kept.read() {
        Ok(cleared) => cleared,
        Err(error) => {
            tracing::error!(%error, "who has cleared a fault while no agent ran cannot be read");
            return;
        }
    };
    for cleared in &cleared {
        tracing::warn!(
            reason = cleared.fault.reason,
            latched = %cleared.fault.at,
            cleared = %cleared.at,
            uid = cleared.uid,
            by = cleared.by,
            "a latched fault was cleared at this machine while no agent ran"
        );
    }
    if !cleared.is_empty() {
        recorder.bring(RecorderInput::Events(vec![Event::new(now, EventCode::UnitAlarm, 0)]));
    }
    if let Err(error) = kept.forget() {
        tracing::warn!(%error, "what was told of cleared faults stays, and is told again");
    }
}

/// Who has done it stands in the log: a latched fault, for one, is a person's business.
fn log_who(request: Request, peer: Peer) {
    let what = match request {
        Request::Monitor | Request::LampState => return,
        Request::LampTest => "lamp test",
        Request::Flash { on: true } => "flash",
        Request::Flash { on: false } => "end of flash",
        Request::ClearFault => "clear fault",
    };
    tracing::warn!(
        what,
        uid = peer.uid,
        pid = peer.pid,
        "somebody at this machine asks for something at the lamps"
    );
}
