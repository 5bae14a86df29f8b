//! The street around FlexTraff: traffic, tag readers on pseudo-terminals and lamps that come back, for the demo and for tests.
//!
//! The order of the modules is the order of the flow: vehicles are read, reads become bytes on a serial line, an agent that knows
//! nothing of all this drives lamps, and vehicles obey them.

pub mod clock;
pub mod street;

pub mod lamps;
pub mod reader;

pub mod demo;
