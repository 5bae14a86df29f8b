//! The demo: a small city with everything real but the vehicles. Server, broker and six agents run as on the road; the street plays reader
//! bytes on pseudo-terminals and obeys the lamps that come back.

mod agent_toml;
mod api;
mod broker;
mod child;
mod city;
mod faults;
mod files;
mod interrupts;
mod live;
mod orchestra;
mod report;
mod services;
mod summary;
mod town;

pub use child::pdeathsig_wrapper;
pub use faults::{FaultOptions, run as run_faults};
pub use interrupts::Interrupts;
pub use orchestra::{Options, run};
pub use report::Summary;
pub use town::Programs;
