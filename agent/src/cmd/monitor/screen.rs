//! The terminal: a screen of its own while monitor runs, and everything as before when it ends, however it ends.

use super::cells::Row;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

/// Columns and rows of a terminal that does not tell its size.
const USUAL: (usize, usize) = (80, 24);

/// The terminal in use.
pub(super) struct Screen {
    /// How the keyboard was.
    keyboard: Option<Termios>,
}

impl Screen {
    /// Turns to a screen of its own; keys are not shown on it.
    pub(super) fn open() -> io::Result<Self> {
        let keyboard = io::stdin().is_terminal().then(|| tcgetattr(io::stdin())).transpose()?;
        let screen = Self { keyboard };
        if let Some(keyboard) = &screen.keyboard {
            let mut quiet = keyboard.clone();
            quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            tcsetattr(io::stdin(), OptionalActions::Now, &quiet)?;
        }
        write("\x1b[?1049h\x1b[?25l")?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = write("\x1b[0m\x1b[?25h\x1b[?1049l");
        if let Some(keyboard) = &self.keyboard {
            // What was typed meanwhile was not meant for the shell.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, keyboard);
        }
    }
}

/// Shows rows from the top, as many and as much of them as there is room for.
pub(super) fn draw(rows: &[Row]) -> io::Result<()> {
    let (columns, lines) = size();
    let mut text = String::from("\x1b[H");
    for (at, row) in rows.iter().take(lines).enumerate() {
        let end = if at == 0 { "" } else { "\r\n" };
        let _ = write!(text, "{end}{}\x1b[K", row.coloured(columns));
    }
    text += "\x1b[J";
    write(&text)
}

fn size() -> (usize, usize) {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => USUAL,
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
