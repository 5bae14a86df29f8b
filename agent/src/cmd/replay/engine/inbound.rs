//! Messages that have come, and what is told of those that nothing can be done with.

use super::Engine;
use crate::link::Inbound;
use crate::supervisor::commands;
use flextraff_common::time::Moment;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Command, encode};

impl Engine {
    /// Hands a message to whom it is for.
    pub(super) fn handle_inbound(&mut self, message: Inbound, now: &Moment) {
        let Some(running) = &mut self.running else { return };
        match message {
            Inbound::GreenTime(message) => {
                if let Some(lamps) = &mut running.lamps {
                    running.plan = Some(lamps.control.handle_plan(&message, *now));
                    self.obey_controller(now);
                    self.tell_status(now);
                }
            }
            Inbound::UnreadablePlan(refused) => {
                self.unused.push(format!("green-time: {}", refused.reasons.join("; ")));
                if running.lamps.is_some() {
                    running.plan = Some(refused);
                    self.tell_status(now);
                }
            }
            Inbound::Demand(junction, demand) => {
                if junction == self.config.junction.id {
                    running.recorder.handle_demand(&demand, now);
                }
                if let Some(lamps) = &mut running.lamps {
                    lamps.control.handle_demand(junction, &demand, *now);
                }
            }
            Inbound::Keys(keys) => {
                self.unused.extend(running.names.update(|names| names.handle_keys(&keys, *now)));
                if let Some(forwarder) = &mut running.forwarder {
                    forwarder.handle_keys(&keys);
                }
                if let Some(lamps) = &mut running.lamps {
                    lamps.control.handle_keys(&keys);
                }
            }
            Inbound::Watchlist(list) => {
                if let Some(forwarder) = &mut running.forwarder {
                    forwarder.handle_watchlist(&list);
                }
                if let Some(lamps) = &mut running.lamps {
                    lamps.control.handle_watchlist(&list);
                }
            }
            Inbound::Command(command) => self.refuse(&command),
            Inbound::Unreadable { topic, reason } => self.unused.push(format!("{topic}: {reason}")),
            // Neighbours' lamps have no part in green times that their demand does not tell.
            Inbound::Signal(..) => {}
        }
    }

    /// Whoever waits for the reply gets one, as from the road.
    fn refuse(&mut self, command: &Command) {
        let why = "a replay carries out no commands: it has no lamp, reader or file that they are for";
        self.unused.push(why.to_owned());
        let reply = commands::reply(commands::id(command), Err(why.to_owned()));
        let topic = Topic::Reply(self.config.junction.id, self.config.device);
        if let Some(running) = &mut self.running {
            running.session.handle_live(topic, encode(&reply));
        }
    }
}
