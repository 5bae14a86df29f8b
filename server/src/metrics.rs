//! Figures of this process for Prometheus: what ingest, the API and the planner do. What the database knows is asked at each scrape.

use crate::db::figures::Figures;
use crate::room::Room;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// What became of a message of the road.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// It is committed.
    Stored,
    /// It was committed before.
    Duplicate,
    /// It is a dead letter.
    Refused,
    /// Another server stores it.
    Left,
    /// It came without asking for confirmation (QoS 0) while ingest was behind, and nothing is left of it.
    Dropped,
}

/// Why a client of the live feed was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum LiveRefusal {
    /// Too many were about to sign in, all together or from its address.
    Waiting,
    /// All places were taken, and its user had as many as anybody.
    Full,
    /// Its user had most places, and somebody who had fewer needed one.
    Displaced,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    reason: LiveRefusal,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Message {
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: String,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Severity {
    severity: String,
}

/// The figures; one per process, shared.
pub struct Metrics {
    registry: Mutex<Registry>,
    messages: Family<Message, Counter>,
    batches: Histogram,
    database_away: Counter,
    database_full: Gauge,
    requests: Family<Request, Counter>,
    request_time: Family<Route, Histogram>,
    plans: Counter,
    live_clients: Gauge,
    live_refused: Family<Refused, Counter>,
    broker: Gauge,
    connections: Family<State, Gauge>,
    devices: Family<State, Gauge>,
    junctions: Family<State, Gauge>,
    alarms: Family<Severity, Gauge>,
    /// Whether the database has room to store anything.
    pub room: Room,
}

fn seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("flextraff")),
            messages: Family::default(),
            batches: seconds(),
            database_away: Counter::default(),
            database_full: Gauge::default(),
            room: Room::default(),
            requests: Family::default(),
            request_time: Family::new_with_constructor(seconds),
            plans: Counter::default(),
            live_clients: Gauge::default(),
            live_refused: Family::default(),
            broker: Gauge::default(),
            connections: Family::default(),
            devices: Family::default(),
            junctions: Family::default(),
            alarms: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let ingest = registry.sub_registry_with_prefix("ingest");
        ingest.register("messages", "Messages of the road by what became of them", self.messages.clone());
        ingest.register_with_unit(
            "batch_duration",
            "Time to commit a batch",
            Unit::Seconds,
            self.batches.clone(),
        );
        ingest.register(
            "database_failures",
            "Attempts to commit a batch that failed",
            self.database_away.clone(),
        );
        let http = registry.sub_registry_with_prefix("http");
        http.register("requests", "Requests by method, route and status", self.requests.clone());
        http.register_with_unit(
            "request_duration",
            "Time to answer a request",
            Unit::Seconds,
            self.request_time.clone(),
        );
        registry.register("plans_sent", "Plans sent to junctions", self.plans.clone());
        registry.register("live_clients", "Clients of the live feed", self.live_clients.clone());
        registry.register(
            "live_refused",
            "Clients of the live feed that were turned away, by reason",
            self.live_refused.clone(),
        );
        registry.register("broker_connected", "Whether the broker is connected, 1 or 0", self.broker.clone());
        registry.register(
            "database_connections",
            "Connections to the database by state",
            self.connections.clone(),
        );
        registry.register(
            "database_full",
            "Whether the database refuses to store anything because its disk is full, 1 or 0",
            self.database_full.clone(),
        );
        registry.register("devices", "Devices in use by state", self.devices.clone());
        registry.register("junctions", "Junctions by state", self.junctions.clone());
        registry.register("alarms_open", "Open alarms by severity", self.alarms.clone());
    }

    /// Counts a message.
    pub fn message(&self, outcome: Outcome) {
        self.messages.get_or_create(&Message { outcome }).inc();
    }

    /// Notes how long the commit of a batch took.
    pub fn batch(&self, took: Duration) {
        self.batches.observe(took.as_secs_f64());
        self.room.taken();
    }

    /// Counts a batch that the database did not take.
    pub fn database_failed(&self) {
        self.database_away.inc();
    }

    /// Counts a request. `route` is the path with placeholders: what the client wrote would be a series each.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        self.request_time
            .get_or_create(&Route { method: method.clone(), route: route.clone() })
            .observe(took.as_secs_f64());
        self.requests.get_or_create(&Request { method, route, status }).inc();
    }

    /// Counts a plan.
    pub fn plan_sent(&self) {
        self.plans.inc();
    }

    /// Counts a client of the live feed until the guard is dropped.
    pub fn live_client(&self) -> LiveClient {
        self.live_clients.inc();
        LiveClient(self.live_clients.clone())
    }

    /// Counts a client of the live feed that was turned away.
    pub fn live_refused(&self, reason: LiveRefusal) {
        self.live_refused.get_or_create(&Refused { reason }).inc();
    }

    /// All figures.
    ///
    /// # Errors
    /// Never in practice: writing to a text fails only without memory.
    pub fn text(&self, present: &Present<'_>, format: Format) -> Result<String, fmt::Error> {
        // Held until the end: another scrape sets the figures of its own moment.
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        self.broker.set(i64::from(present.broker));
        self.database_full.set(i64::from(present.full));
        for (state, count) in [("idle", present.idle), ("used", present.size.saturating_sub(present.idle))] {
            self.connections.get_or_create(&State { state: state.to_owned() }).set(i64::from(count));
        }
        self.set_figures(present.figures);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(match format {
            Format::OpenMetrics => text,
            Format::Plain => plain(&text),
        })
    }

    /// What the database knows; while it is away nothing is shown of it, because what it knew before may be wrong.
    fn set_figures(&self, figures: Option<&Figures>) {
        let Some(Figures { devices, junctions, alarms }) = figures else {
            self.devices.clear();
            self.junctions.clear();
            self.alarms.clear();
            return;
        };
        for (family, counts) in [(&self.devices, devices), (&self.junctions, junctions)] {
            for (state, count) in counts {
                family.get_or_create(&State { state: state.clone() }).set(*count);
            }
        }
        for (severity, count) in alarms {
            self.alarms.get_or_create(&Severity { severity: severity.clone() }).set(*count);
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A client of the live feed, as long as it is connected.
#[derive(Debug)]
pub struct LiveClient(Gauge);

impl Drop for LiveClient {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// How figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format that every version of Prometheus reads.
    Plain,
    /// OpenMetrics, for who asks for it.
    OpenMetrics,
}

impl Format {
    /// The one that the header `Accept` asks for.
    pub fn accepted(accept: &str) -> Self {
        let quality = |wanted: &str| {
            accept
                .split(',')
                .filter_map(|range| {
                    let mut parts = range.split(';').map(str::trim);
                    parts.next().filter(|name| name.eq_ignore_ascii_case(wanted))?;
                    let quality = parts.find_map(|part| part.strip_prefix("q="));
                    quality.map_or(Some(1.0), |quality| quality.parse::<f64>().ok())
                })
                .fold(0.0, f64::max)
        };
        let open = quality("application/openmetrics-text");
        if open > 0.0 && open >= quality("text/plain") { Self::OpenMetrics } else { Self::Plain }
    }

    /// Its name as a header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// OpenMetrics as the older text format: there a counter is called as its samples are, and units and the end have no lines of their own.
fn plain(open: &str) -> String {
    let kind = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        (kind == "counter").then(|| name.to_owned())
    };
    let counters: BTreeSet<String> = open.lines().filter_map(kind).collect();
    let mut text = String::with_capacity(open.len());
    for line in open.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let told = line.strip_prefix("# ").and_then(|told| {
            let (what, rest) = told.split_once(' ')?;
            let (name, rest) = rest.split_once(' ')?;
            counters.contains(name).then(|| format!("# {what} {name}_total {rest}"))
        });
        text.push_str(told.as_deref().unwrap_or(line));
        text.push('\n');
    }
    text
}

/// What is so at the moment of a scrape.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// Whether the broker is connected.
    pub broker: bool,
    /// Whether the disk of the database is full.
    pub full: bool,
    /// Connections to the database.
    pub size: u32,
    /// Those that nobody uses.
    pub idle: u32,
    /// What the database knows; `None` while it is away.
    pub figures: Option<&'a Figures>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_units_follow_the_rules() {
        let metrics = Metrics::default();
        metrics.message(Outcome::Stored);
        metrics.batch(Duration::from_millis(4));
        metrics.request("GET", "/api/junctions/{junction_id}", 200, Duration::from_millis(2));
        metrics.plan_sent();
        let client = metrics.live_client();
        metrics.live_refused(LiveRefusal::Full);
        let figures = Figures {
            devices: vec![("online".into(), 6)],
            junctions: vec![("error".into(), 1)],
            alarms: vec![("critical".into(), 0)],
        };
        let present = Present { broker: true, full: true, size: 5, idle: 4, figures: Some(&figures) };
        let open = |present| metrics.text(&present, Format::OpenMetrics).unwrap();
        let text = open(present);
        for line in [
            "flextraff_ingest_messages_total{outcome=\"Stored\"} 1",
            "flextraff_ingest_batch_duration_seconds_bucket{le=\"0.005\"} 1",
            "flextraff_http_requests_total{method=\"GET\",route=\"/api/junctions/{junction_id}\",status=\"200\"} 1",
            "flextraff_http_request_duration_seconds_count{method=\"GET\",route=\"/api/junctions/{junction_id}\"} 1",
            "flextraff_plans_sent_total 1",
            "flextraff_live_clients 1",
            "flextraff_live_refused_total{reason=\"Full\"} 1",
            "flextraff_broker_connected 1",
            "flextraff_database_full 1",
            "flextraff_database_connections{state=\"used\"} 1",
            "flextraff_devices{state=\"online\"} 6",
            "flextraff_alarms_open{severity=\"critical\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        drop(client);
        assert!(open(present).contains("flextraff_live_clients 0\n"));
        let without = open(Present { figures: None, ..present });
        assert!(!without.contains("flextraff_devices") && !without.contains("flextraff_alarms"), "{without}");
        assert!(without.contains("flextraff_broker_connected 1\n"));
        assert!(open(present).contains("flextraff_devices{state=\"online\"} 6\n"));
    }

    #[test]
    fn the_older_format_names_counters_as_their_samples() {
        let open = "# HELP a_b Some.\n# TYPE a_b counter\na_b_total{x=\"# EOF\"} 1\n# HELP c_seconds Time.\n\
                    # TYPE c_seconds histogram\n# UNIT c_seconds seconds\nc_seconds_sum 2.0\n# EOF\n";
        let expected = "# HELP a_b_total Some.\n# TYPE a_b_total counter\na_b_total{x=\"# EOF\"} 1\n\
                        # HELP c_seconds Time.\n# TYPE c_seconds histogram\nc_seconds_sum 2.0\n";
        assert_eq!(plain(open), expected);
    }

    #[test]
    fn who_asks_for_open_metrics_gets_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for open in [prometheus, "application/openmetrics-text", "Application/OpenMetrics-Text; q=0.1"] {
            assert_eq!(Format::accepted(open), Format::OpenMetrics, "{open}");
        }
        for plain in [
            "",
            "*/*",
            "text/plain",
            "application/openmetrics-text;q=0.2, text/plain",
            "application/openmetrics-text;q=0",
        ] {
            assert_eq!(Format::accepted(plain), Format::Plain, "{plain}");
        }
    }
}
