//! Requests of the server to this device.

use super::Supervisor;
use crate::output::LampAsk;
use flextraff_common::time::Moment;
use flextraff_common::wire::{Command, CommandType, Reply};

/// Most characters of an id that is sent back.
const MAX_ID: usize = 64;

/// What comes of a command.
pub(super) enum Handled {
    /// It is done, or cannot be.
    Reply(Reply),
    /// The lamp loop answers it; the id to reply to.
    Ask(String, LampAsk),
}

/// Does what a command asks for, as far as that needs no lamps.
pub(super) fn handle(supervisor: &mut Supervisor, command: &Command, now: Moment) -> Handled {
    let id = command.id.chars().take(MAX_ID).collect();
    if command.expires_at < now.wall {
        return Handled::Reply(reply(id, Err(format!("the command expired at {}", command.expires_at))));
    }
    match &command.command {
        CommandType::Identify => Handled::Ask(id, LampAsk::Identify),
        // Nobody of the server sees what else is lit.
        CommandType::LampTest => Handled::Ask(id, LampAsk::Test { at_cabinet: false }),
        other => Handled::Reply(reply(id, carry_out(supervisor, other))),
    }
}

/// The reply to a command.
pub(super) fn reply(id: String, result: Result<String, String>) -> Reply {
    let ok = result.is_ok();
    Reply { id, ok, detail: result.unwrap_or_else(|why| why) }
}

fn carry_out(supervisor: &mut Supervisor, command: &CommandType) -> Result<String, String> {
    let Supervisor { config, readers, .. } = &*supervisor;
    match command {
        CommandType::RestartReader { name } => {
            let at = config.readers.iter().position(|reader| reader.name == *name);
            let at = at.ok_or_else(|| format!("there is no reader \"{name}\""))?;
            match readers.get(at).and_then(Option::as_ref) {
                Some(port) if port.restart() => Ok(format!("reader \"{name}\" is opened anew")),
                _ => Err(format!("reader \"{name}\" has no port to open")),
            }
        }
        CommandType::SendConfig => {
            config.to_toml().map_err(|error| format!("the configuration cannot be written: {error}"))
        }
        CommandType::Reload => supervisor.reload(),
        CommandType::Identify | CommandType::LampTest => {
            Err("this version of the agent does not know this command".to_owned())
        }
    }
}
