//! The road network: junctions with four approaches each, and where each approach leads. Traffic keeps to the left.

use flextraff_common::epc::Epc;

/// A side of a junction: where an approach comes from, or an exit leads to. Its order is the order of lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// North.
    N,
    /// South.
    S,
    /// East.
    E,
    /// West.
    W,
}

impl Side {
    /// All four, in the order of lanes.
    pub const ALL: [Self; 4] = [Self::N, Self::S, Self::E, Self::W];

    /// Name of the lane, signal group and stage of this approach.
    pub const fn name(self) -> &'static str {
        match self {
            Self::N => "N",
            Self::S => "S",
            Self::E => "E",
            Self::W => "W",
        }
    }

    /// The side across the junction.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::N => Self::S,
            Self::S => Self::N,
            Self::E => Self::W,
            Self::W => Self::E,
        }
    }

    /// The exit on the left hand of who arrives from this side.
    #[must_use]
    pub const fn left_exit(self) -> Self {
        match self {
            Self::N => Self::E,
            Self::S => Self::W,
            Self::E => Self::S,
            Self::W => Self::N,
        }
    }

    /// The approach whose antenna stands next to this one's and catches stray reads of it.
    #[must_use]
    pub const fn neighbour(self) -> Self {
        self.left_exit()
    }
}

/// A lane of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneRef {
    /// Index of the junction.
    pub junction: usize,
    /// The side from which its vehicles arrive.
    pub side: Side,
}

/// Arrivals at the city's edge: a mean that swells and ebbs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Mean flow, vehicles per hour of all kinds.
    pub mean_veh_h: f64,
    /// Share of the mean by which the flow swells and ebbs, 0 to 1.
    pub swing: f64,
    /// Length of one swell and ebb, seconds.
    pub period_s: f64,
    /// Start of the first swell, seconds.
    pub phase_s: f64,
}

impl Profile {
    /// Flow at a moment, vehicles per second.
    pub fn rate(&self, t_s: f64) -> f64 {
        let turn = (t_s - self.phase_s) / self.period_s * std::f64::consts::TAU;
        self.mean_veh_h / 3600.0 * (1.0 + self.swing * turn.sin())
    }

    /// Greatest flow at any moment, vehicles per second.
    pub fn peak(&self) -> f64 {
        self.mean_veh_h / 3600.0 * (1.0 + self.swing)
    }
}

/// An approach of a junction.
#[derive(Clone, Debug, PartialEq)]
pub struct Approach {
    /// From its upstream end to the stop line, metres.
    pub length_m: f64,
    /// Speed limit, metres per second.
    pub speed_mps: f64,
    /// From the stop line to the middle of the advance zone, metres; `None`: no advance antenna.
    pub advance_m: Option<f64>,
    /// Arrivals from outside the city; `None`: its vehicles come from a neighbour.
    pub arrivals: Option<Profile>,
}

/// A junction: its approaches in the order of [`Side::ALL`], and which lane each exit leads to (`None`: out of the city).
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Approaches.
    pub approaches: [Approach; 4],
    /// Exits.
    pub exits: [Option<LaneRef>; 4],
}

/// Metres from a stop line across the junction to the upstream end of the next lane.
pub const CROSSING_M: f64 = 20.0;
/// Length of a stop-line zone, metres upstream of the line.
pub const STOP_ZONE_M: f64 = 8.0;

const COLUMNS: usize = 3;
const ROWS: usize = 2;
/// Stop line to stop line along each street, metres.
const EAST_WEST_M: [f64; COLUMNS - 1] = [320.0, 380.0];
const NORTH_SOUTH_M: [f64; COLUMNS] = [300.0, 340.0, 360.0];
const EDGE_M: f64 = 250.0;
const SPEED_MPS: f64 = 40.0 / 3.6;
const ADVANCE_M: f64 = 100.0;

/// Six junctions in three columns and two rows, all neighbours linked. The east-west streets carry more than the cross streets.
/// Junction [`plain_reader`] has no advance antennas.
pub fn grid() -> Vec<Node> {
    (0..COLUMNS * ROWS).map(node).collect()
}

/// The junction whose readers know no antenna numbers.
pub const fn plain_reader() -> usize {
    4
}

fn node(index: usize) -> Node {
    let exits = Side::ALL
        .map(|side| neighbour(index, side).map(|junction| LaneRef { junction, side: side.opposite() }));
    let approaches = Side::ALL.map(|side| {
        let street = matches!(side, Side::E | Side::W);
        let arrivals = neighbour(index, side).is_none().then_some(Profile {
            mean_veh_h: if street { 400.0 } else { 240.0 },
            swing: 0.35,
            period_s: 600.0,
            // The two directions of a street peak in turn.
            phase_s: if matches!(side, Side::E | Side::N) { 0.0 } else { 300.0 },
        });
        Approach {
            length_m: distance(index, side) - CROSSING_M,
            speed_mps: SPEED_MPS,
            advance_m: (index != plain_reader()).then_some(ADVANCE_M),
            arrivals,
        }
    });
    Node { approaches, exits }
}

fn neighbour(index: usize, side: Side) -> Option<usize> {
    let (column, row) = (index % COLUMNS, index / COLUMNS);
    match side {
        Side::N => (row > 0).then(|| index - COLUMNS),
        Side::S => (row + 1 < ROWS).then_some(index + COLUMNS),
        Side::E => (column + 1 < COLUMNS).then_some(index + 1),
        Side::W => (column > 0).then(|| index - 1),
    }
}

/// From the stop line that a lane comes from to its own; at the edge of the city from where vehicles appear.
fn distance(index: usize, side: Side) -> f64 {
    let column = index % COLUMNS;
    match (neighbour(index, side), side) {
        (None, _) => EDGE_M + CROSSING_M,
        (Some(_), Side::N | Side::S) => NORTH_SOUTH_M[column],
        (Some(_), Side::E) => EAST_WEST_M[column],
        (Some(_), Side::W) => EAST_WEST_M[column - 1],
    }
}

/// What kind of vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Car, jeep, van.
    Car,
    /// Truck or bus.
    Heavy,
    /// Motorcycle or scooter: never carries a FASTag.
    TwoWheeler,
}

impl Kind {
    /// Room that it takes in a standing queue, metres.
    pub const fn space_m(self) -> f64 {
        match self {
            Self::Car => 7.0,
            Self::Heavy => 12.0,
            Self::TwoWheeler => 2.5,
        }
    }

    /// Time that its driver keeps behind the vehicle ahead, seconds. With the space ahead this gives saturation headways of about 2 s
    /// behind cars and 0.7 s between two-wheelers.
    pub const fn follow_s(self) -> f64 {
        match self {
            Self::Car => 1.35,
            Self::Heavy => 1.9,
            Self::TwoWheeler => 0.55,
        }
    }

    /// Acceleration from standstill, m/s²; half the speed divided by it is the start-up loss, about 2 s.
    pub const fn acceleration(self) -> f64 {
        match self {
            Self::Car => 2.6,
            Self::Heavy => 1.6,
            Self::TwoWheeler => 3.0,
        }
    }
}

/// A tag on a windscreen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tag {
    /// What it says.
    pub epc: Epc,
    /// Whether it is a FASTag.
    pub fastag: bool,
    /// How well it can be read, 0 to 1: metallised windscreens and badly placed tags answer seldom.
    pub quality: f64,
}
