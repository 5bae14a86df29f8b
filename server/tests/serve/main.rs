//! The program as an operator meets it: started, stopped, given other files, cut off from what it needs.
#![expect(clippy::disallowed_methods, reason = "tests wait with a deadline")]

mod backup;
mod certificate;
mod connections;
mod database;
mod export;
mod log;
mod road_connections;
mod sign_ins;
mod start;
mod stop;
#[path = "../support/mod.rs"]
mod support;
mod urgent;
