//! All SQL, a file a noun.

pub mod access;
pub mod clock_fixes;
pub mod counts;
pub mod cycles;
pub mod dead_letters;
pub mod devices;
pub mod junction_api;
pub mod ledger;
pub mod overrides;
pub mod partitions;
pub mod plans;
pub mod registry;
pub mod setup;
pub mod sites;
pub mod users;
