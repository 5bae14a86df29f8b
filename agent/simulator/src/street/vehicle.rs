//! Vehicles and how they arrive at the city's edge: streams that depend on the seed alone, never on the lamps.

use super::network::{Kind, LaneRef, Profile, Tag};
use flextraff_common::epc::{Epc, Fastag};
use flextraff_common::time::MonoMs;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Share of two-wheelers in Indian city traffic.
const TWO_WHEELERS: f64 = 0.45;
const HEAVY: f64 = 0.08;
/// Of cars and heavy vehicles.
const WITH_FASTAG: f64 = 0.95;
/// Of those without a FASTag: a parking or fleet tag instead.
const WITH_OTHER_TAG: f64 = 0.3;
/// Share of tags that answer seldom.
const POOR_TAGS: f64 = 0.03;
/// An issuer that does not exist: no tag of the street is anybody's.
const ISSUER: u32 = 999_001;

/// A vehicle in the city.
#[derive(Clone, Debug)]
pub(super) struct Vehicle {
    /// Number in order of arrival.
    pub(super) id: u64,
    pub(super) kind: Kind,
    pub(super) tag: Option<Tag>,
    /// Decides its route and speed.
    pub(super) seed: u64,
    /// Junctions passed.
    pub(super) hop: u32,
    /// Desired speed as a share of the limit.
    pub(super) briskness: f64,
    /// Front bumper, metres upstream of the stop line; negative beyond it.
    pub(super) pos: f64,
    /// Metres per second.
    pub(super) speed: f64,
    /// Whether it could no longer stop when amber came.
    pub(super) committed: bool,
}

impl Vehicle {
    /// A number from 0 to 1 that depends on the vehicle and the junctions that it has passed, and on nothing else.
    pub(super) fn chance(&self) -> f64 {
        (mix(self.seed ^ mix(u64::from(self.hop) + 1)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// `SplitMix64`'s finaliser (Steele, Lea, Flood 2014).
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}

/// Arrivals on one lane at the city's edge: a Poisson process whose rate follows the profile (thinning of Lewis and Shedler 1979).
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    pub(super) lane: LaneRef,
    profile: Profile,
    rng: SmallRng,
    next_s: f64,
}

impl Arrivals {
    pub(super) fn new(lane: LaneRef, profile: Profile, seed: u64) -> Self {
        let stream = mix(seed ^ mix((lane.junction * 4 + lane.side as usize) as u64));
        let mut arrivals = Self { lane, profile, rng: SmallRng::seed_from_u64(stream), next_s: 0.0 };
        arrivals.advance();
        arrivals
    }

    /// The next vehicle that has arrived by `now`.
    pub(super) fn arrived(&mut self, now: MonoMs) -> Option<Vehicle> {
        if self.next_s * 1000.0 > now.0 as f64 {
            return None;
        }
        self.advance();
        let kind = match self.rng.random::<f64>() {
            share if share < TWO_WHEELERS => Kind::TwoWheeler,
            share if share < TWO_WHEELERS + HEAVY => Kind::Heavy,
            _ => Kind::Car,
        };
        let (fastag, other) = (self.rng.random_bool(WITH_FASTAG), self.rng.random_bool(WITH_OTHER_TAG));
        let poor = self.rng.random_bool(POOR_TAGS);
        let quality = if poor { 0.2 } else { self.rng.random_range(0.8..1.0) };
        let tagged = kind != Kind::TwoWheeler && (fastag || other);
        Some(Vehicle {
            id: 0,
            kind,
            tag: tagged.then(|| Tag { epc: blank(), fastag, quality }),
            seed: self.rng.random(),
            hop: 0,
            briskness: self.rng.random_range(0.85..1.1),
            pos: 0.0,
            speed: 0.0,
            committed: false,
        })
    }

    fn advance(&mut self) {
        let peak = self.profile.peak();
        if peak <= 0.0 {
            self.next_s = f64::INFINITY;
            return;
        }
        loop {
            self.next_s -= (1.0 - self.rng.random::<f64>()).ln() / peak;
            if self.rng.random::<f64>() * peak <= self.profile.rate(self.next_s) {
                return;
            }
        }
    }
}

fn blank() -> Epc {
    Epc::new(&[0; 12]).expect("12 bytes are an EPC")
}

/// Numbers a vehicle and writes its tag: serials in order of arrival, from a start that the seed gives.
pub(super) fn register(vehicle: &mut Vehicle, id: u64, seed: u64) {
    vehicle.id = id;
    let Some(tag) = &mut vehicle.tag else { return };
    let number = (mix(seed) & 0xF_FFFF) + id;
    if tag.fastag {
        let fastag =
            Fastag { issuer: ISSUER, key: (1 + (number >> 20)) as u8, serial: number as u32 & 0xF_FFFF };
        tag.epc = fastag.encode().expect("a six-digit issuer and a serial of 20 bits");
    } else {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&[0xE2, 0x80, 0x68, 0x94]);
        bytes[4..].copy_from_slice(&number.to_be_bytes());
        tag.epc = Epc::new(&bytes).expect("12 bytes are an EPC");
    }
}
