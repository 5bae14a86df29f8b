//! What every request handler needs.

use crate::config::Config;
use crate::live::Hub;
use crate::mqtt::MqttHandle;
use sqlx::PgPool;
use std::sync::Arc;

/// Shared state of the running server; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Effective configuration.
    pub config: Arc<Config>,
    /// The database.
    pub db: PgPool,
    /// The live feed.
    pub live: Hub,
    /// The broker.
    pub mqtt: MqttHandle,
}
