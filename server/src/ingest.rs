//! From MQTT messages to committed rows.

use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use flextraff_common::wire::{CarCounts, Cycles, Reply, Signal, Status};

/// What ingest has taken in; told to the planner, dispatch and the live feed after the commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// Counts of a lane are committed.
    Counts(JunctionId, LaneId, Box<CarCounts>),
    /// A cycle is committed.
    Cycle(JunctionId, DeviceId, Box<Cycles>),
    /// A device said how it is (or the broker said that it is gone).
    Status(JunctionId, Box<Status>),
    /// The lamps changed, or still show the same.
    Signal(JunctionId, Box<Signal>),
    /// A device answered a command.
    Reply(JunctionId, DeviceId, Box<Reply>),
}
