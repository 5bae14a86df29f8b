//! Figures of this process for Prometheus: what ingest, the API and the planner do. What the database knows is asked at each scrape.

use crate::db::figures::Figures;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
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
    requests: Family<Request, Counter>,
    request_time: Family<Route, Histogram>,
    plans: Counter,
    live_clients: Gauge,
    broker: Gauge,
    connections: Family<State, Gauge>,
    devices: Family<State, Gauge>,
    junctions: Family<State, Gauge>,
    alarms: Family<Severity, Gauge>,
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
            requests: Family::default(),
            request_time: Family::new_with_constructor(seconds),
            plans: Counter::default(),
            live_clients: Gauge::default(),
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
        registry.register("broker_connected", "Whether the broker is connected, 1 or 0", self.broker.clone());
        registry.register(
            "database_connections",
            "Connections to the database by state",
            self.connections.clone(),
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

    /// All figures in the text format of OpenMetrics.
    ///
    /// # Errors
    /// Never in practice: writing to a text fails only without memory.
    pub fn text(&self, present: &Present<'_>) -> Result<String, fmt::Error> {
        self.broker.set(i64::from(present.broker));
        for (state, count) in [("idle", present.idle), ("used", present.size.saturating_sub(present.idle))] {
            self.connections.get_or_create(&State { state: state.to_owned() }).set(i64::from(count));
        }
        let Figures { devices, junctions, alarms } = present.figures;
        for (family, counts) in [(&self.devices, devices), (&self.junctions, junctions)] {
            for (state, count) in counts {
                family.get_or_create(&State { state: state.clone() }).set(*count);
            }
        }
        for (severity, count) in alarms {
            self.alarms.get_or_create(&Severity { severity: severity.clone() }).set(*count);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(text)
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

/// What is so at the moment of a scrape.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// Whether the broker is connected.
    pub broker: bool,
    /// Connections to the database.
    pub size: u32,
    /// Those that nobody uses.
    pub idle: u32,
    /// What the database knows.
    pub figures: &'a Figures,
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
        let figures = Figures {
            devices: vec![("online".into(), 6)],
            junctions: vec![("error".into(), 1)],
            alarms: vec![("critical".into(), 0)],
        };
        let present = Present { broker: true, size: 5, idle: 4, figures: &figures };
        let text = metrics.text(&present).unwrap();
        for line in [
            "flextraff_ingest_messages_total{outcome=\"Stored\"} 1",
            "flextraff_ingest_batch_duration_seconds_bucket{le=\"0.005\"} 1",
            "flextraff_http_requests_total{method=\"GET\",route=\"/api/junctions/{junction_id}\",status=\"200\"} 1",
            "flextraff_http_request_duration_seconds_count{method=\"GET\",route=\"/api/junctions/{junction_id}\"} 1",
            "flextraff_plans_sent_total 1",
            "flextraff_live_clients 1",
            "flextraff_broker_connected 1",
            "flextraff_database_connections{state=\"used\"} 1",
            "flextraff_devices{state=\"online\"} 6",
            "flextraff_alarms_open{severity=\"critical\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        drop(client);
        assert!(metrics.text(&present).unwrap().contains("flextraff_live_clients 0\n"));
    }
}
