//! What the antennas over a lane see in one step.

use super::network::{STOP_ZONE_M, Side, Tag};
use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::ZoneName;
use rand::Rng;
use rand::rngs::SmallRng;

/// Reads per second of a tag that is alone.
const READS_PER_S: f64 = 8.0;
/// Most reads per second of an antenna, shared by all tags in its zone.
const ANTENNA_READS_PER_S: f64 = 20.0;
/// Raw signal strength of a tag right at the stop line. All strengths lie above 128, where a byte grows with the signal whether it is
/// taken as it is or as a signed number of dBm.
const STRONGEST: f64 = 215.0;
/// By how much it falls per metre.
const FALL_PER_M: f64 = 4.0;
/// By how much a stray read is weaker at least and at most.
const SPILL_LOSS: (u8, u8) = (20, 40);

/// How well antennas see, and how far beyond their own lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// Share of reads lost to noise and other tags' answers.
    pub missed: f64,
    /// Share of stop-line reads that the next approach's antenna catches as well.
    pub spill: f64,
    /// Share of stop-line reads that only the next approach's antenna catches.
    pub spill_only: f64,
}

impl Default for Sight {
    fn default() -> Self {
        Self { missed: 0.05, spill: 0.06, spill_only: 0.02 }
    }
}

/// A vehicle's way past one junction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Passage {
    /// Index of the junction.
    pub junction: usize,
    /// The vehicle.
    pub vehicle: u64,
    /// Junctions that it had passed before.
    pub hop: u32,
}

/// A tag read by an antenna.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Read {
    /// When.
    pub at: MonoMs,
    /// Whose.
    pub passage: Passage,
    /// The approach whose antenna read it.
    pub side: Side,
    /// The approach on which the vehicle is.
    pub true_side: Side,
    /// Which zone the antenna watches.
    pub zone: ZoneName,
    /// The tag.
    pub epc: Epc,
    /// Whether it is a FASTag.
    pub fastag: bool,
    /// Raw signal strength, uncalibrated.
    pub rssi: u8,
}

/// A tagged vehicle in a zone.
pub(super) struct Seen {
    pub(super) passage: Passage,
    pub(super) tag: Tag,
    /// From the antenna's side of the zone, metres.
    pub(super) depth_m: f64,
}

/// Reads of the tags in one zone within a step that starts at `start` and takes `step_ms`.
pub(super) fn reads(
    sight: Sight,
    seen: &[Seen],
    (side, zone): (Side, ZoneName),
    start: MonoMs,
    step_ms: i64,
    rng: &mut SmallRng,
) -> Vec<Read> {
    let dt = step_ms as f64 / 1000.0;
    let rate = READS_PER_S.min(ANTENNA_READS_PER_S / seen.len().max(1) as f64);
    let most = (ANTENNA_READS_PER_S * dt) as usize;
    let (mut reads, mut answers) = (Vec::new(), 0);
    let first = if seen.is_empty() { 0 } else { rng.random_range(0..seen.len()) };
    for index in 0..seen.len() {
        let Seen { passage, tag, depth_m } = &seen[(first + index) % seen.len()];
        let far = (depth_m / STOP_ZONE_M).clamp(0.0, 1.0);
        let chance = rate * dt * tag.quality * (1.0 - 0.5 * far * far) * (1.0 - sight.missed);
        if answers == most || !rng.random_bool(chance.clamp(0.0, 1.0)) {
            continue;
        }
        answers += 1;
        let noise: f64 = rng.random_range(-6.0..6.0);
        let rssi = (STRONGEST - FALL_PER_M * depth_m + noise) as u8;
        let read = Read {
            at: start + rng.random_range(0..step_ms),
            passage: *passage,
            side,
            true_side: side,
            zone,
            epc: tag.epc,
            fastag: tag.fastag,
            rssi,
        };
        let stray: f64 = rng.random();
        if zone == ZoneName::Advance || stray >= sight.spill_only {
            reads.push(read);
        }
        if zone == ZoneName::StopLine && stray < sight.spill_only + sight.spill {
            let weaker = rssi.saturating_sub(rng.random_range(SPILL_LOSS.0..=SPILL_LOSS.1));
            reads.push(Read { side: side.neighbour(), rssi: weaker, ..read });
        }
    }
    reads
}
