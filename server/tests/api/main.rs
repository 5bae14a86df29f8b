//! The HTTP API as programs and people meet it: the real router on a real database.

mod access;
mod accounts;
mod alarms;
mod analytics;
mod audit;
mod broker_rights;
mod devices;
mod enrolment;
mod fleet;
mod history;
mod junctions;
mod layout;
mod live;
mod mode;
mod overrides;
mod people;
mod plans;
mod replicas;
mod road;
mod schedule;
mod second_factor;
mod sessions;
mod sign_in;
mod state;
mod system;
mod watchlist;
