//! M100 (`BB … 7E`) and R200 (`AA … DD`): `Head 00 Cmd PLhi PLlo Param Checksum Tail`.

use super::{Command, Commands, Settings};
use crate::config::Region;

/// Head and tail of the two.
const MARKS: [(u8, u8); 2] = [(0xBB, 0x7E), (0xAA, 0xDD)];
const INFO: u8 = 0x03;
const REGION: u8 = 0x07;
const SET_QUERY: u8 = 0x0E;
const MULTIPLE_POLL: u8 = 0x27;
const STOP: u8 = 0x28;
const POWER: u8 = 0xB6;
/// Query without the session: DR 8, M 1, pilot tone; target A, Q 4.
const QUERY: u16 = 0x1020;
const SESSION_SHIFT: u8 = 8;
/// Rounds of one poll, the most that there are.
const ROUNDS: u16 = 0xFFFF;

#[derive(Debug)]
pub(super) struct M100;

fn command(variant: usize, what: &'static str, code: u8, param: &[u8]) -> Command {
    let (head, tail) = MARKS[variant];
    let mut frame = vec![head, 0, code];
    frame.extend((param.len() as u16).to_be_bytes());
    frame.extend_from_slice(param);
    let sum = frame[1..].iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
    frame.extend([sum, tail]);
    Command::new(what, code.into(), frame)
}

pub(super) fn poll(variant: usize, rounds: u16) -> Command {
    let [high, low] = rounds.to_be_bytes();
    let poll = command(variant, "multiple poll", MULTIPLE_POLL, &[0x22, high, low]);
    Command { answered: false, ..poll }
}

impl Commands for M100 {
    fn variants(&self) -> usize {
        MARKS.len()
    }

    fn stop(&self, variant: usize) -> Option<Command> {
        Some(command(variant, "stop", STOP, &[]))
    }

    fn question(&self, variant: usize) -> Command {
        command(variant, "module information", INFO, &[0])
    }

    fn setup(&self, variant: usize, settings: &Settings) -> Vec<Command> {
        let region = settings.region.map(|region| match region {
            Region::Cn => 1,
            Region::Us => 2,
            Region::In | Region::Eu => 3,
        });
        let power = settings.power_dbm.map(|dbm| (u16::from(dbm) * 100).to_be_bytes());
        let query =
            settings.session.map(|session| (QUERY | u16::from(session) << SESSION_SHIFT).to_be_bytes());
        [
            region.map(|region| command(variant, "region", REGION, &[region])),
            power.map(|power| command(variant, "power_dbm", POWER, &power)),
            query.map(|query| command(variant, "session", SET_QUERY, &query)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn start(&self, variant: usize, _settings: &Settings) -> Vec<Command> {
        vec![poll(variant, ROUNDS)]
    }

    fn round(&self, variant: usize, _settings: &Settings, _count: usize) -> Vec<Command> {
        vec![poll(variant, ROUNDS)]
    }

    /// Each round without a tag is told, so silence is the end of the poll.
    fn round_ms(&self) -> Option<i64> {
        Some(2000)
    }
}
