//! All SQL, a file a noun.

pub mod access;
pub mod junction_api;
pub mod overrides;
pub mod plans;
pub mod sites;
pub mod users;
