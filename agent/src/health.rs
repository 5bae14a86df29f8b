//! The status message.
