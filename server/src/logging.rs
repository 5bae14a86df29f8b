//! Where log lines go: to the journal with their fields kept apart when systemd runs the server, else to standard error.

use log::kv;
use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
use systemd_journal_logger::{JournalLog, connected_to_journal};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt as text;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// Wins over the configured filter.
const FILTER_VARIABLE: &str = "FLEXTRAFF_LOG";

/// Starts logging with `filter`, or with that of the environment variable `FLEXTRAFF_LOG` when it is set and valid.
///
/// # Errors
/// When logging has been started before.
pub fn init(filter: &str) -> Result<(), TryInitError> {
    let chosen = std::env::var(FILTER_VARIABLE).ok().and_then(|filter| filter.parse::<Targets>().ok());
    let filter = chosen
        .or_else(|| filter.parse().ok())
        .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let registry = tracing_subscriber::registry().with(filter);
    if let Some(journal) = journal() {
        return registry.with(Journal(journal)).try_init();
    }
    let colours = std::io::stderr().is_terminal();
    let text = text::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false);
    registry.with(text).try_init()
}

fn journal() -> Option<JournalLog> {
    let log = connected_to_journal().then(JournalLog::new)?.ok()?;
    Some(log.with_syslog_identifier("flextraff-server".to_owned()))
}

struct Journal(JournalLog);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Journal {
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
        // What the line belongs to, such as the id of a request.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.others.extend(of_span.others.iter().cloned());
            }
        }
        let meta = event.metadata();
        let level = match *meta.level() {
            tracing::Level::ERROR => log::Level::Error,
            tracing::Level::WARN => log::Level::Warn,
            tracing::Level::INFO => log::Level::Info,
            tracing::Level::DEBUG => log::Level::Debug,
            tracing::Level::TRACE => log::Level::Trace,
        };
        let others: &[(String, String)] = &fields.others;
        // A journal that does not answer is no reason to stop.
        let _ = self.0.journal_send(
            &log::Record::builder()
                .level(level)
                .target(meta.target())
                .module_path(meta.module_path())
                .file(meta.file())
                .line(meta.line())
                .args(format_args!("{}", fields.message))
                .key_values(&others as &dyn kv::Source)
                .build(),
        );
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(String, String)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if field.name() == "message" {
            let _ = self.message.write_fmt(value);
        } else {
            self.others.push((field.name().to_owned(), value.to_string()));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, format_args!("{value}"));
    }
}
