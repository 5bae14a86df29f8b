//! A0: `A0 Len Addr Cmd Data Check`. A round of inventory reads with one antenna and ends by itself; so the antennas take turns.

use super::{Command, Commands, Settings, Signal};
use crate::config::Region;

const HEAD: u8 = 0xA0;
const ADDRESS: u8 = 0x01;
const FIRMWARE: u8 = 0x72;
const ANTENNA: u8 = 0x74;
const POWER: u8 = 0x76;
const REGION: u8 = 0x78;
/// Real-time inventory, and the one that takes session and target.
const REAL_TIME: u8 = 0x89;
const WITH_SESSION: u8 = 0x8B;
const TARGET_A: u8 = 0;
const ONCE: u8 = 1;

#[derive(Debug, Default)]
pub(super) struct A0 {
    /// It knows no inventory with session and target.
    plain: bool,
}

fn frame(code: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![HEAD, data.len() as u8 + 3, ADDRESS, code];
    frame.extend_from_slice(data);
    let sum = frame.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
    frame.push(sum.wrapping_neg());
    frame
}

fn command(what: &'static str, code: u8, data: &[u8]) -> Command {
    Command::new(what, code.into(), frame(code, data))
}

pub(super) fn antenna(port: u8) -> Command {
    command("antenna", ANTENNA, &[port.saturating_sub(1)])
}

impl A0 {
    fn inventory(&self, settings: &Settings) -> Command {
        let (code, data) = if self.plain {
            (REAL_TIME, vec![ONCE])
        } else {
            (WITH_SESSION, vec![settings.session(), TARGET_A, ONCE])
        };
        Command::unanswered("inventory", code.into(), frame(code, &data))
    }
}

impl Commands for A0 {
    fn stop(&self, _variant: usize) -> Option<Command> {
        None
    }

    fn question(&self, _variant: usize) -> Command {
        command("firmware", FIRMWARE, &[])
    }

    fn setup(&self, _variant: usize, settings: &Settings) -> Vec<Command> {
        // Regulation, lowest and highest channel: 865 + 0.5 n MHz below 7, 902 + 0.5 (n - 7) MHz from there.
        let region = settings.region.map(|region| match region {
            Region::Us => [1, 8, 58],
            Region::In | Region::Eu => [2, 1, 5],
            Region::Cn => [3, 44, 52],
        });
        let region = region.map(|channels| command("region", REGION, &channels));
        let power = settings.power_dbm.map(|dbm| command("power_dbm", POWER, &[dbm]));
        region.into_iter().chain(power).collect()
    }

    fn start(&self, variant: usize, settings: &Settings) -> Vec<Command> {
        let first = settings.ports.first().map(|port| antenna(*port));
        let rounds = if settings.ports.len() > 1 { self.round(variant, settings, 0) } else { Vec::new() };
        if rounds.is_empty() { first.into_iter().chain([self.inventory(settings)]).collect() } else { rounds }
    }

    fn round(&self, _variant: usize, settings: &Settings, count: usize) -> Vec<Command> {
        let ports = &settings.ports;
        let next = (ports.len() > 1).then(|| antenna(ports[count % ports.len()]));
        next.into_iter().chain([self.inventory(settings)]).collect()
    }

    fn follow_up(
        &mut self,
        _variant: usize,
        settings: &Settings,
        sent: &Command,
        reply: Option<&Signal>,
    ) -> Option<Vec<Command>> {
        let refused = matches!(reply, Some(Signal::Reply { refused: Some(_), .. }));
        // A reader that has never answered either of them may not know the one that was sent last.
        let is_unanswered = reply.is_none() && sent.code == u16::from(REAL_TIME) && self.plain;
        if is_unanswered {
            self.plain = false;
        } else if sent.code == u16::from(WITH_SESSION) && !self.plain && (refused || reply.is_none()) {
            self.plain = true;
        } else {
            return None;
        }
        Some(vec![self.inventory(settings)])
    }

    fn unknown(&self, settings: &Settings) -> Vec<&'static str> {
        (self.plain && settings.session.is_some()).then_some("session").into_iter().collect()
    }

    fn round_ms(&self) -> Option<i64> {
        Some(2000)
    }
}
