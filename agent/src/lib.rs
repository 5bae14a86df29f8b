//! The agent at a junction: reads FASTag readers over serial lines, counts passages per lane, keeps every count in SQLite until the
//! server has it, and drives the lamps.
//!
//! The order of the modules is the order of the flow: bytes become reads, reads become passages and counts, counts wait in the outbox, the
//! link carries them up and plans down, the controller turns plans into stages, the interlock checks each lamp vector before the output
//! shows it. `supervisor` joins the stages with bounded channels; `replay` joins the same cores on a given clock.

pub mod clock;
pub mod config;
pub mod logging;

pub mod reader;

pub mod identity;

pub mod counting;

pub mod outbox;

pub mod link;

pub mod estimation;

pub mod signal;

pub mod control;

pub mod interlock;

pub mod output;

pub mod health;

pub mod service;

pub mod console;

pub mod supervisor;

pub mod cmd;
