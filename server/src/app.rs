//! What every request handler needs.

use crate::api::kept::Kept;
use crate::auth::Auth;
use crate::config::Config;
use crate::db::ready::Ready;
use crate::dispatch;
use crate::fleet;
use crate::live::Hub;
use crate::metrics::Metrics;
use crate::mqtt::MqttHandle;
use crate::shares::Shares;
use axum::http::HeaderMap;
use sqlx::PgPool;
use std::sync::Arc;
use tokio::sync::watch;

/// What proxies add to requests.
const FORWARDING: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Shared state of the running server; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Effective configuration.
    pub config: Arc<Config>,
    /// Signing key, password pool and the brake on guessing.
    pub auth: Arc<Auth>,
    /// The database.
    pub db: PgPool,
    /// The same by connections of its own: what the road waits for never waits for those who read reports.
    pub road: PgPool,
    /// Connections for what each request looks up, of those of the road: who sets a mode is looked up, too.
    pub ready: Ready,
    /// The live feed.
    pub live: Hub,
    /// The broker.
    pub mqtt: MqttHandle,
    /// The task that plans and sends.
    pub dispatch: dispatch::Handle,
    /// Figures of this process.
    pub metrics: Arc<Metrics>,
    /// The task that talks to devices.
    pub fleet: fleet::Handle,
    /// How many ways from the broker into the database stand still; closed: ingest has ended.
    pub standing_still: watch::Receiver<usize>,
    /// Which junctions are this server's, where several share the database.
    pub shares: Shares,
    /// Pages of the list of junctions.
    pub junction_pages: Arc<Kept>,
}

impl App {
    /// The same, with the connections of the road for all that it asks the database.
    #[must_use]
    pub fn for_the_road(self) -> Self {
        Self { db: self.road.clone(), ..self }
    }

    /// Whether anybody may register as the first user: by default whoever is on this machine, when nobody else can connect. Behind a proxy on
    /// this machine everybody seems to be.
    pub fn allows_first_user(&self, request: &HeaderMap) -> bool {
        let is_forwarded = || FORWARDING.iter().any(|header| request.contains_key(*header));
        let is_local = || self.config.http.is_loopback() && self.config.http.trusted_proxies.is_empty();
        self.config.auth.allow_first_user.unwrap_or_else(|| is_local() && !is_forwarded())
    }
}
