//! Commands.

pub mod user;
