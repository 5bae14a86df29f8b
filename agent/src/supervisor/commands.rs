//! Requests of the server to this device.

use super::Supervisor;
use crate::output::LampAsk;
use flextraff_common::time::{ClockState, Moment, UnixMs};
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
    let id = id(command);
    if let Some(why) = expired(command.expires_at, now) {
        return Handled::Reply(reply(id, Err(why)));
    }
    match &command.command {
        CommandType::Identify => Handled::Ask(id, LampAsk::Identify),
        // Nobody of the server sees what else is lit.
        CommandType::LampTest => Handled::Ask(id, LampAsk::Test { at_cabinet: false }),
        other => Handled::Reply(reply(id, carry_out(supervisor, other))),
    }
}

/// Why a command comes too late, if it does.
fn expired(expires_at: UnixMs, now: Moment) -> Option<String> {
    (expires_at < now.wall).then(|| match now.clock {
        ClockState::Synced => format!("the command expired at {expires_at}"),
        ClockState::Unsynced => format!(
            "the command expired at {expires_at} by the clock of this device, which says {} and is kept by no time service: see to its time first",
            now.wall
        ),
    })
}

/// The id of a command as it is sent back.
pub fn id(command: &Command) -> String {
    command.id.chars().take(MAX_ID).collect()
}

/// The reply to a command.
pub fn reply(id: String, result: Result<String, String>) -> Reply {
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

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::time::MonoMs;

    #[test]
    fn a_command_that_comes_too_late_is_refused_with_the_clock_that_says_so() {
        let at = |wall, clock| Moment { mono: MonoMs(0), wall: UnixMs(wall), clock };
        assert_eq!(expired(UnixMs(2000), at(2000, ClockState::Synced)), None);
        assert_eq!(
            expired(UnixMs(2000), at(2001, ClockState::Synced)).as_deref(),
            Some("the command expired at 1970-01-01T00:00:02Z")
        );
        let why = expired(UnixMs(2000), at(3000, ClockState::Unsynced)).unwrap_or_default();
        assert!(why.contains("which says 1970-01-01T00:00:03Z and is kept by no time service"), "{why}");
    }
}
