//! Where log lines go: to the journal with their fields kept apart when systemd runs the server, else to standard error, as text or as JSON.

use crate::clock::Clock;
use crate::config::{Log, LogFormat};
use chrono::SecondsFormat;
use serde_json::{Map, Value};
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use systemd_journal_logger::{JournalLog, connected_to_journal};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt as text;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// Wins over the configured filter.
const FILTER_VARIABLE: &str = "FLEXTRAFF_LOG";

/// Starts logging as configured, or with the filter of the environment variable `FLEXTRAFF_LOG` when it is set and valid.
///
/// # Errors
/// When logging has been started before.
pub fn init(log: &Log) -> Result<(), TryInitError> {
    let chosen = std::env::var(FILTER_VARIABLE).ok().and_then(|filter| filter.parse::<Targets>().ok());
    let filter = chosen
        .or_else(|| log.filter.parse().ok())
        .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let registry = tracing_subscriber::registry().with(filter);
    if let Some(journal) = journal() {
        return registry.with(Apart(journal)).try_init();
    }
    if log.format == LogFormat::Json {
        return registry.with(Apart(JsonLines)).try_init();
    }
    let colours = std::io::stderr().is_terminal();
    let text = text::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false);
    registry.with(text).try_init()
}

fn journal() -> Option<JournalLog> {
    let log = connected_to_journal().then(JournalLog::new)?.ok()?;
    Some(log.with_syslog_identifier("flextraff-server".to_owned()))
}

/// Takes lines whose fields are kept apart. One that cannot be written is no reason to stop.
trait Sink: 'static {
    fn write(&self, meta: &Metadata<'_>, fields: Fields);
}

impl Sink for JournalLog {
    fn write(&self, meta: &Metadata<'_>, fields: Fields) {
        let level = match *meta.level() {
            tracing::Level::ERROR => log::Level::Error,
            tracing::Level::WARN => log::Level::Warn,
            tracing::Level::INFO => log::Level::Info,
            tracing::Level::DEBUG => log::Level::Debug,
            tracing::Level::TRACE => log::Level::Trace,
        };
        let text = |value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let others: Vec<(String, String)> =
            fields.others.into_iter().map(|(name, value)| (name, text(value))).collect();
        let others: &[(String, String)] = &others;
        let _ = self.journal_send(
            &log::Record::builder()
                .level(level)
                .target(meta.target())
                .module_path(meta.module_path())
                .file(meta.file())
                .line(meta.line())
                .args(format_args!("{}", fields.message))
                .key_values(&others as &dyn log::kv::Source)
                .build(),
        );
    }
}

/// An object a line, to standard error: `time`, `level`, `target`, `message`, and the fields of the line beside them.
struct JsonLines;

impl Sink for JsonLines {
    fn write(&self, meta: &Metadata<'_>, fields: Fields) {
        let time = Clock.utc().to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut line = json_line(&time, meta.level().as_str(), meta.target(), fields);
        line.push('\n');
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// A field stands once: first those of every line, then those of the line itself, then those of what it belongs to.
fn json_line(time: &str, level: &str, target: &str, fields: Fields) -> String {
    let mut line = Map::new();
    for (name, text) in [("time", time), ("level", level), ("target", target), ("message", &fields.message)] {
        line.insert(name.to_owned(), text.into());
    }
    for (name, value) in fields.others {
        line.entry(name).or_insert(value);
    }
    Value::Object(line).to_string()
}

/// Hands lines on with their fields, and those of what they belong to, such as the id of a request.
struct Apart<W>(W);

impl<W: Sink, S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Apart<W> {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.others.extend(of_span.others.iter().cloned());
            }
        }
        self.0.write(event.metadata(), fields);
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(String, Value)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.others.push((name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_of_json_has_each_field_once_and_no_line_break() {
        let others = vec![
            ("status".to_owned(), json!(500)),
            ("level".to_owned(), json!("mine")),
            ("request_id".to_owned(), json!("of the line")),
            ("request_id".to_owned(), json!("of the request")),
        ];
        let fields = Fields { message: "request\nfailed".to_owned(), others };
        let line = json_line("2026-02-10T14:30:00.000000Z", "ERROR", "here", fields);
        assert!(!line.contains('\n'), "{line}");
        let expected = json!({
            "time": "2026-02-10T14:30:00.000000Z", "level": "ERROR", "target": "here", "message": "request\nfailed",
            "status": 500, "request_id": "of the line",
        });
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
    }
}
