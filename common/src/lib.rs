//! Types and rules that the agent at the junction and the server of the city agree on.
//!
//! Nothing here does I/O or reads a clock. The order of the modules is the order of the flow: identity, time, the tag on the
//! windscreen, the junction it passes, the plan that its signal runs, what its signal logs, and the messages that carry all of it; then what
//! lets both programs be replayed.

pub mod ids;
pub mod time;

pub mod epc;
pub mod hires;
pub mod junction;
pub mod plan;
pub mod traffic;
pub mod wire;

pub mod replay;
