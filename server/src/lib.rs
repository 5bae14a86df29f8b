//! The server of a city: takes counts in over MQTT, stores them in PostgreSQL, plans green times, and serves people and programs.
//!
//! The order of the modules is the order of the flow: messages come in, are decoded and committed, the planner turns counts into plans,
//! dispatch sends them and learns what the road made of them; the API, the live feed and the dashboard show all of it.

pub mod clock;
pub mod config;
pub mod logging;
pub mod metrics;

pub mod room;

pub mod junction_file;

pub mod agent_toml;

pub mod local;

pub mod analytics;

pub mod shares;

pub mod db;

pub mod mqtt;

pub mod ingest;

pub mod hearing;

pub mod optimizer;

pub mod planner;

pub mod dispatch;

pub mod config_differences;

pub mod authority;

pub mod fleet;

pub mod dynsec;

pub mod auth;

pub mod live;

pub mod alarms;

pub mod api;

pub mod dashboard;

pub mod app;

pub mod cmd;
