//! Where log lines go: the journal under systemd, else standard error. Nobody waits for either.

mod queue;

use crate::config::LogLevel;
use queue::{Queue, Sink};
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};
use std::sync::OnceLock;
use systemd_journal_logger::{JournalLog, connected_to_journal};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// Environment variable with the filter, such as `debug` or `info,flextraff_agent::link=debug`.
pub const FILTER: &str = "FLEXTRAFF_LOG";

/// Changes the filter of the running log.
static LEVEL: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// The lines that wait to be written.
static WAITING: OnceLock<Queue<Entry>> = OnceLock::new();

/// What the environment wants, if anything.
fn wanted() -> Option<String> {
    std::env::var(FILTER).ok().filter(|filter| !filter.is_empty())
}

/// Sends log lines from `level` on to the journal as `identifier` when systemd has connected the process to it, else to standard error.
/// The environment variable [`FILTER`] wins over `level`. Calling it again changes nothing.
pub fn init(identifier: &str, level: LogLevel) {
    let (filter, wrong) = match wanted().map(|wanted| wanted.parse::<Targets>()) {
        None => (usual(level), None),
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (usual(level), Some(error)),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let _ = LEVEL.set(handle);
    let journal = connected_to_journal()
        .then(|| JournalLog::empty().map(|log| log.with_syslog_identifier(identifier.to_owned())));
    let (journal, refused) = match journal {
        Some(Ok(journal)) => (Some(journal), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let out = Out { journal, is_coloured: std::io::stderr().is_terminal() };
    let queue = match Queue::start(out) {
        Ok(queue) => queue,
        Err(error) => {
            let _ = writeln!(
                io::stderr().lock(),
                "there is no log, because its thread cannot be started: {error}"
            );
            return;
        }
    };
    let _ = WAITING.set(queue.clone());
    let _ = tracing_subscriber::registry().with(filter).with(Lines { queue }).try_init();
    if let Some(error) = wrong {
        tracing::warn!(%error, "{FILTER} is no filter; write it as info or info,flextraff_agent::link=debug");
    }
    if let Some(error) = refused {
        tracing::warn!(%error, "the journal cannot be reached; log lines go to standard error");
    }
}

/// Lines from a level on.
fn usual(level: LogLevel) -> Targets {
    // A level's name is a filter.
    level.name().parse().unwrap_or_default()
}

/// Another level for the running log, unless the environment has chosen one.
pub fn set_level(level: LogLevel) {
    if let (None, Some(handle)) = (wanted(), LEVEL.get()) {
        let _ = handle.reload(usual(level));
    }
}

/// Waits until the lines so far are written, half a second at most: for the end of the process.
pub fn flush() {
    if let Some(queue) = WAITING.get() {
        queue.flush();
    }
}

/// Puts events into the queue.
struct Lines {
    queue: Queue<Entry>,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.queue.put(Entry { meta: event.metadata(), time: time(), text: Text::of(event) });
    }
}

/// A line that waits.
struct Entry {
    meta: &'static Metadata<'static>,
    /// When it was said, as text.
    time: String,
    text: Text,
}

fn time() -> String {
    let mut time = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    time
}

/// Writes lines: the message with its fields for people, and to the journal each field as one of its own besides.
struct Out {
    journal: Option<JournalLog>,
    is_coloured: bool,
}

impl Sink<Entry> for Out {
    // What is refused has nowhere else to go.
    fn write(&mut self, Entry { meta, time, text }: Entry) {
        let _ = match &self.journal {
            Some(journal) => send(journal, meta, &text),
            None => {
                writeln!(io::stderr().lock(), "{}", self.plain(*meta.level(), &time, meta.target(), &text))
            }
        };
    }

    fn lost(&mut self, lines: u64) {
        let text = Text {
            message: format!("{lines} log lines were lost: more came than could be written"),
            ..Text::default()
        };
        let _ = match &self.journal {
            Some(journal) => journal.journal_send(
                &log::Record::builder().args(format_args!("{}", text.line())).level(log::Level::Warn).build(),
            ),
            None => {
                writeln!(io::stderr().lock(), "{}", self.plain(Level::WARN, &time(), module_path!(), &text))
            }
        };
    }
}

impl Out {
    /// One readable line: time, level, module, message, fields.
    fn plain(&self, level: Level, time: &str, target: &str, text: &Text) -> String {
        let (before, after) = match level {
            _ if !self.is_coloured => ("", ""),
            Level::ERROR => ("\x1b[31m", "\x1b[0m"),
            Level::WARN => ("\x1b[33m", "\x1b[0m"),
            _ => ("\x1b[2m", "\x1b[0m"),
        };
        format!("{time} {before}{level:>5}{after} {}: {}", short(target), text.line())
    }
}

fn send(journal: &JournalLog, meta: &Metadata<'_>, text: &Text) -> io::Result<()> {
    let fields = text.journal_fields();
    let level = match *meta.level() {
        Level::ERROR => log::Level::Error,
        Level::WARN => log::Level::Warn,
        Level::INFO => log::Level::Info,
        Level::DEBUG => log::Level::Debug,
        Level::TRACE => log::Level::Trace,
    };
    journal.journal_send(
        &log::Record::builder()
            .args(format_args!("{}", text.line()))
            .level(level)
            .target(meta.target())
            .module_path(meta.module_path())
            .file(meta.file())
            .line(meta.line())
            .key_values(&fields.as_slice())
            .build(),
    )
}

/// The module without the crate's name.
fn short(target: &str) -> &str {
    target.split_once("::").map_or(target, |(_, rest)| rest)
}

/// An event as text.
#[derive(Debug, Default)]
struct Text {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Text {
    fn of(event: &Event<'_>) -> Self {
        let mut text = Self::default();
        event.record(&mut text);
        text
    }

    /// The message and its fields in one line; what would break the line or steer a terminal is escaped.
    fn line(&self) -> String {
        let mut line = escaped(&self.message);
        for (name, value) in &self.fields {
            let value = escaped(value);
            let quote = if value.is_empty() || value.contains(' ') { "\"" } else { "" };
            let _ = write!(line, " {name}={quote}{value}{quote}");
        }
        line
    }

    /// Fields under names that are not already the journal's.
    fn journal_fields(&self) -> Vec<(String, &str)> {
        const TAKEN: [&str; 8] = [
            "message",
            "priority",
            "target",
            "syslog_identifier",
            "syslog_pid",
            "code_file",
            "code_line",
            "code_module",
        ];
        let own = |name: &str| if TAKEN.contains(&name) { format!("f_{name}") } else { name.to_owned() };
        self.fields.iter().map(|(name, value)| (own(name), value.as_str())).collect()
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, char| {
        if char.is_control() {
            safe.extend(char.escape_default());
        } else {
            safe.push(char);
        }
        safe
    })
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.fields.push((field.name(), value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_message_and_fields_and_cannot_be_broken() {
        let text = Text {
            message: "port gone".to_owned(),
            fields: vec![("reader", "north".to_owned()), ("error", "a b\n\x1b[2J".to_owned())],
        };
        assert_eq!(text.line(), "port gone reader=north error=\"a b\\n\\u{1b}[2J\"");
    }

    #[test]
    fn a_field_never_takes_the_place_of_one_of_the_journals() {
        let text =
            Text { message: String::new(), fields: vec![("priority", "1".into()), ("lane", "N".into())] };
        let fields = text.journal_fields();
        assert_eq!(fields, [("f_priority".to_owned(), "1"), ("lane".to_owned(), "N")]);
    }
}
