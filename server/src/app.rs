//! What every request handler needs.

use crate::api::kept::Kept;
use crate::auth::Auth;
use crate::config::Config;
use crate::dispatch;
use crate::fleet;
use crate::live::Hub;
use crate::metrics::Metrics;
use crate::mqtt::MqttHandle;
use sqlx::PgPool;
use std::sync::Arc;

/// Shared state of the running server; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Effective configuration.
    pub config: Arc<Config>,
    /// Signing key, password pool and the brake on guessing.
    pub auth: Arc<Auth>,
    /// The database.
    pub db: PgPool,
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
    /// Pages of the list of junctions.
    pub junction_pages: Arc<Kept>,
}

impl App {
    /// Whether anybody may register as the first user: by default whoever is on this machine, when nobody else can connect.
    pub fn allows_first_user(&self) -> bool {
        self.config.auth.allow_first_user.unwrap_or_else(|| self.config.http.is_loopback())
    }
}
