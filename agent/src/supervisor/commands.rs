//! Requests of the server to this device.

use crate::config::Config;
use crate::reader::port::ReaderPort;
use flextraff_common::time::Moment;
use flextraff_common::wire::{Command, CommandType, Reply};

/// Most characters of an id that is sent back.
const MAX_ID: usize = 64;

/// Does what a command asks for, and says what came of it.
pub(super) fn handle(
    config: &Config,
    readers: &[Option<ReaderPort>],
    command: &Command,
    now: Moment,
) -> Reply {
    let result = if command.expires_at < now.wall {
        Err(format!("the command expired at {}", command.expires_at))
    } else {
        carry_out(config, readers, &command.command)
    };
    let id = command.id.chars().take(MAX_ID).collect();
    match result {
        Ok(detail) => Reply { id, ok: true, detail },
        Err(detail) => Reply { id, ok: false, detail },
    }
}

fn carry_out(
    config: &Config,
    readers: &[Option<ReaderPort>],
    command: &CommandType,
) -> Result<String, String> {
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
        CommandType::Identify | CommandType::LampTest | CommandType::Reload => {
            Err("this version of the agent does not know this command".to_owned())
        }
    }
}
