//! All SQL, a file a noun.

pub mod overrides;
pub mod plans;
