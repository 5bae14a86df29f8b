//! All SQL, a file a noun.

pub mod access;
pub mod junction_api;
pub mod users;
