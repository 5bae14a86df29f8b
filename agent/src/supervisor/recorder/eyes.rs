//! What the counter takes for readers: each antenna that watches a stop line, because one may be missing while the others see.

use crate::config::Config;
use flextraff_common::junction::LaneIx;
use flextraff_common::wire::ZoneName;
use std::collections::BTreeSet;

/// An antenna at a stop line.
pub(super) struct Eye {
    /// Its reader, by its place in the TOML.
    pub(super) reader: usize,
    /// Its port, from 1; `None`: whatever names no port, or another one.
    pub(super) port: Option<u8>,
    lanes: Vec<LaneIx>,
}

impl Eye {
    /// All of a junction; last comes, as if of one more reader, what no reader watches.
    pub(super) fn all(config: &Config) -> Vec<Self> {
        let of_reader = |reader: usize| {
            let places = config.readers[reader].lanes_by_port(ZoneName::StopLine);
            places.into_iter().map(move |(port, lane)| Self { reader, port, lanes: vec![lane] })
        };
        let mut eyes: Vec<Self> = (0..config.readers.len()).flat_map(of_reader).collect();
        let read: BTreeSet<LaneIx> = eyes.iter().flat_map(|eye| &eye.lanes).copied().collect();
        let lanes = config.junction.lane_indexes().filter(|lane| !read.contains(lane)).collect();
        eyes.push(Self { reader: config.readers.len(), port: None, lanes });
        eyes
    }

    /// What each watches.
    pub(super) fn lanes(eyes: &[Self]) -> Vec<Vec<LaneIx>> {
        eyes.iter().map(|eye| eye.lanes.clone()).collect()
    }
}
