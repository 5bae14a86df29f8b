//! Makes a reader read, and keeps it reading.
//!
//! Sans-IO: it is told that the line was opened, what came, and the time; it gives the bytes to write. A reader is stopped, asked who it is, set,
//! and started. Each command waits for its answer until a deadline. What a reader refuses, or does not answer, is a [`Problem`], and the next
//! command follows all the same: a reader that answers nothing but sends reads is as good as any.

mod problem;
mod silence;
#[cfg(test)]
mod tests;

pub use problem::Problem;

use super::command::{Command, Commands, Settings, commands};
use super::frame::Signal;
use crate::config::{Antennas, Protocol, ReaderConfig, ReaderMode};
use flextraff_common::time::MonoMs;
use std::collections::VecDeque;

/// How long an answer may take, milliseconds.
const ANSWER_MS: i64 = 500;
/// How long what is on its way after a stop may take, milliseconds.
const DRAIN_MS: i64 = 200;
/// How often a command is sent that is not answered.
const TRIES: u8 = 2;
/// Shortest pause between two requests for a round, milliseconds: a reader whose rounds end at once does not keep the line busy.
const ROUND_PAUSE_MS: i64 = 10;
/// Longest pause between the signs of life, and between the frames, of a reader that gives them all the time, milliseconds: thingmagic's
/// keep-alive comes each second, a round ends within three.
const REGULAR_MS: i64 = 3500;

#[derive(Debug)]
struct Awaited {
    command: Command,
    tries: u8,
    until: MonoMs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is sent.
    Listening,
    /// Who is it?
    Asking,
    /// It is set and started.
    Setting,
    /// It reads.
    Reading,
}

/// Drives one reader.
#[derive(Debug)]
pub struct Driver {
    /// `None` for one that is only listened to.
    family: Option<Box<dyn Commands>>,
    /// It is only listened to because there is nothing that it could be told.
    has_no_commands: bool,
    settings: Settings,
    silence_ms: i64,
    phase: Phase,
    variant: usize,
    queue: VecDeque<Command>,
    awaited: Option<Awaited>,
    /// What makes it read, as last sent, and when.
    inventory: Option<(Command, MonoMs)>,
    rounds: usize,
    /// Whether anything came while it reads.
    has_read: bool,
    round_due: Option<MonoMs>,
    heard: MonoMs,
    ask_due: MonoMs,
    has_heard: bool,
    /// Whether an intact frame has come since the line was opened.
    has_come: bool,
    has_spoken: bool,
    /// Whether it has ever answered a command.
    has_answered: bool,
    /// Signs of life without a pause between, and when the last came.
    signs: u8,
    last_sign: MonoMs,
    /// Whether its rounds end with a word; else quiet is their end.
    says_round_end: bool,
    /// Rounds in a row in which nothing came at all.
    empty_rounds: u8,
    /// Whether anything came since it was asked who it is.
    was_heard: bool,
    /// It may have been without power, and its settings gone: it is told everything when it is heard again.
    may_have_forgotten: bool,
    problems: Vec<Problem>,
    out: Vec<u8>,
}

impl Driver {
    /// A driver for a reader of this protocol, which is the configured one or the one that was found.
    pub fn new(config: &ReaderConfig, protocol: Protocol) -> Self {
        let family = commands(protocol).filter(|_| config.mode == ReaderMode::Drive);
        Self {
            has_no_commands: family.is_none() && config.mode == ReaderMode::Drive,
            family,
            settings: Settings::new(config),
            silence_ms: config.silence_ms,
            phase: Phase::Listening,
            variant: 0,
            queue: VecDeque::new(),
            awaited: None,
            inventory: None,
            rounds: 0,
            has_read: false,
            round_due: None,
            heard: MonoMs::default(),
            ask_due: MonoMs::default(),
            has_heard: false,
            has_come: false,
            has_spoken: false,
            has_answered: false,
            signs: 0,
            last_sign: MonoMs::default(),
            says_round_end: false,
            empty_rounds: 0,
            was_heard: false,
            may_have_forgotten: false,
            problems: Vec::new(),
            out: Vec::new(),
        }
    }

    /// The line is open: perhaps another reader is at its end, perhaps it reads since before.
    pub fn handle_open(&mut self, now: MonoMs) {
        self.heard = now;
        self.has_come = false;
        self.signs = 0;
        self.begin(now);
    }

    /// The line is open, and the reader at its end has just been recognised.
    pub fn handle_found(&mut self, now: MonoMs) {
        self.handle_open(now);
        self.has_come = true;
    }

    /// The line was opened anew because the reader is silent: it is until it is heard.
    pub fn handle_reopen(&mut self, now: MonoMs) {
        self.begin(now);
    }

    /// An intact frame came, and it said this.
    pub fn handle_frames(&mut self, signals: Vec<Signal>, now: MonoMs) {
        let round_ms = self.family.as_ref().and_then(|family| family.round_ms());
        if now.since(self.heard) > round_ms.map_or(REGULAR_MS, |round_ms| REGULAR_MS.min(round_ms)) {
            self.signs = 0;
        }
        self.heard = now;
        self.empty_rounds = 0;
        self.has_heard = true;
        self.has_come = true;
        self.was_heard = true;
        self.has_read |= self.phase == Phase::Reading;
        for signal in signals {
            if matches!(signal, Signal::KeepAlive | Signal::RoundEnd) {
                // A heartbeat every half minute is none of these, however many tags come between.
                let goes_on = now.since(self.last_sign) <= REGULAR_MS;
                (self.signs, self.last_sign) = (if goes_on { self.signs.saturating_add(1) } else { 1 }, now);
            }
            self.handle_signal(&signal, now);
        }
        self.ask_due = now + self.patience_ms() / 2;
        if self.phase == Phase::Reading {
            // Tags are as good an answer as any.
            self.problems.retain(|problem| *problem != Problem::Mute);
            if self.may_have_forgotten {
                self.begin(now);
            }
        }
    }

    /// Tags have come from these ports: they have antennas.
    pub fn handle_ports(&mut self, ports: &[u8]) {
        self.problems.retain(|problem| !matches!(problem, Problem::NoAntenna(port) if ports.contains(port)));
    }

    /// Through which antennas it sees, as far as it says so.
    pub fn antennas(&self) -> Antennas {
        self.problems.iter().fold(true.into(), |antennas: Antennas, problem| match problem {
            Problem::NoAntenna(port) => antennas.without(Some(*port)),
            Problem::NoAntennaAnywhere => false.into(),
            _ => antennas,
        })
    }

    /// Goes on when an answer is overdue, a round has ended or nothing was heard for long.
    pub fn handle_timeout(&mut self, now: MonoMs) {
        if let Some(awaited) = self.awaited.take_if(|awaited| awaited.until <= now) {
            self.overdue(awaited, now);
        }
        if self.phase == Phase::Reading && self.awaited.is_none() {
            if self.round_at().is_some_and(|due| due <= now) {
                self.next_round(now);
            }
            if self.ask_due <= now {
                self.recover(now);
            }
        }
    }

    /// When [`Driver::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<MonoMs> {
        match (&self.awaited, self.phase) {
            (Some(awaited), _) => Some(awaited.until),
            (None, Phase::Reading) => Some(self.round_at().map_or(self.ask_due, |due| due.min(self.ask_due))),
            (None, _) => None,
        }
    }

    /// Whether it does not go on before the reader has answered.
    pub fn awaits_answer(&self) -> bool {
        self.awaited.is_some()
    }

    /// What is to be written now.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// What is wrong, the latest attempt's.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether the reader is set and started, or is only listened to.
    pub fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Reading | Phase::Listening)
    }

    /// What makes the reader end a reading for good; nothing when it ends by itself or is only listened to.
    pub fn stop(&self) -> Vec<u8> {
        let stop = self.family.as_ref().and_then(|family| family.end(self.variant));
        stop.map(|stop| stop.bytes).unwrap_or_default()
    }

    fn begin(&mut self, now: MonoMs) {
        self.queue.clear();
        self.awaited = None;
        self.round_due = None;
        self.inventory = None;
        self.has_read = false;
        self.was_heard = false;
        self.may_have_forgotten = false;
        // It would say at once that an antenna is back, but not that it is still missing.
        self.problems.retain(Problem::is_of_antenna);
        self.variant = 0;
        self.rounds = 0;
        self.ask_due = now + self.silence_ms / 2;
        self.phase = if self.family.is_some() { Phase::Asking } else { Phase::Listening };
        if self.has_no_commands {
            for what in self.settings.named() {
                self.note(Problem::Unknown(what));
            }
        }
        self.ask(now);
    }

    fn ask(&mut self, now: MonoMs) {
        let Some(family) = &self.family else { return };
        // The stop is not waited for by its answer but until all that was on its way has come.
        self.queue.extend(family.stop(self.variant).map(|stop| Command { answered: false, ..stop }));
        self.queue.push_back(family.question(self.variant));
        self.send_next(now);
    }

    /// Sends what is due: the next command.
    fn send_next(&mut self, now: MonoMs) {
        while self.awaited.is_none() {
            let Some(command) = self.queue.pop_front() else {
                self.finished(now);
                return;
            };
            self.send(command, 1, now);
        }
    }

    fn send(&mut self, command: Command, tries: u8, now: MonoMs) {
        self.out.extend_from_slice(&command.bytes);
        let wait_ms = match (command.answered, self.phase) {
            (true, _) => ANSWER_MS,
            (false, Phase::Asking) => DRAIN_MS,
            (false, _) => {
                self.inventory = Some((command, now));
                return;
            }
        };
        self.awaited = Some(Awaited { command, tries, until: now + wait_ms });
    }

    /// All commands of a phase are through.
    fn finished(&mut self, now: MonoMs) {
        let Some(family) = &self.family else { return };
        match self.phase {
            Phase::Asking => {
                self.phase = Phase::Setting;
                self.queue.extend(family.setup(self.variant, &self.settings));
                self.queue.extend(family.start(self.variant, &self.settings));
                self.send_next(now);
            }
            Phase::Setting => {
                self.phase = Phase::Reading;
                self.note_unknown();
                self.ask_due = now + self.silence_ms / 2;
            }
            Phase::Listening | Phase::Reading => {}
        }
    }

    fn handle_signal(&mut self, signal: &Signal, now: MonoMs) {
        match signal {
            Signal::Reply { code, .. } => {
                self.has_spoken = true;
                self.has_answered = true;
                let awaited = self.awaited.take_if(|awaited| {
                    awaited.command.answered && code.is_none_or(|code| code == awaited.command.code)
                });
                if let Some(awaited) = awaited {
                    self.answered(&awaited.command, signal, now);
                } else if let Signal::Reply { refused: Some(_), .. } = signal
                    && let Some((inventory, _)) = self
                        .inventory
                        .take_if(|(inventory, _)| code.is_none_or(|code| code == inventory.code))
                {
                    self.answered(&inventory, signal, now);
                }
            }
            Signal::RoundEnd => {
                self.has_spoken = true;
                self.says_round_end = true;
                self.end_trouble();
                let port = self.round_port();
                self.problems.retain(|problem| match problem {
                    Problem::NoAntenna(missing) => Some(*missing) != port,
                    problem => *problem != Problem::NoAntennaAnywhere,
                });
                if let Some((_, sent)) = &self.inventory {
                    self.round_due = Some(now.max(*sent + ROUND_PAUSE_MS));
                }
            }
            Signal::KeepAlive => {
                self.has_spoken = true;
                self.end_trouble();
                self.problems.retain(|problem| !problem.is_of_antenna());
            }
            Signal::NoAntenna(missing) => {
                self.has_spoken = true;
                self.end_trouble();
                self.problems.retain(|problem| !problem.is_of_antenna());
                // A port that watches no lane may be empty.
                for port in missing {
                    if self.settings.ports.contains(port) {
                        self.note(Problem::NoAntenna(*port));
                    }
                }
            }
            Signal::NoAntennaHere => {
                self.has_spoken = true;
                self.note(self.round_port().map_or(Problem::NoAntennaAnywhere, Problem::NoAntenna));
                self.round_due = self.round_at().map(|_| now + ANSWER_MS);
            }
            Signal::Trouble(what) => {
                self.has_spoken = true;
                self.note(Problem::Trouble(what));
                // A reader that cannot read with this antenna may with the next.
                self.round_due = self.round_at().map(|_| now + ANSWER_MS);
            }
        }
    }

    fn answered(&mut self, command: &Command, reply: &Signal, now: MonoMs) {
        if self.follow(command, Some(reply)) {
            self.send_next(now);
            return;
        }
        self.problems.retain(|problem| *problem != Problem::Silent(command.what));
        if let Signal::Reply { refused: Some(code), .. } = reply {
            self.note(Problem::Refused { what: command.what, code: *code });
        }
        self.send_next(now);
    }

    fn overdue(&mut self, awaited: Awaited, now: MonoMs) {
        let Awaited { command, tries, .. } = awaited;
        if !command.answered {
            self.send_next(now);
        } else if tries < TRIES {
            self.send(command, tries + 1, now);
        } else if self.phase == Phase::Asking {
            self.next_variant(now);
        } else {
            // It has answered that before.
            let is_question =
                self.family.as_ref().is_some_and(|family| family.question(self.variant).code == command.code);
            self.may_have_forgotten |= self.phase == Phase::Reading && is_question && self.has_answered;
            if !self.follow(&command, None) && self.problems.first() != Some(&Problem::Mute) {
                self.note(Problem::Silent(command.what));
            }
            self.send_next(now);
        }
    }

    /// Another way to address it; after the last one it is only told to start, in the usual way.
    fn next_variant(&mut self, now: MonoMs) {
        let Some(family) = &self.family else { return };
        if self.variant + 1 < family.variants() {
            self.variant += 1;
            self.ask(now);
            return;
        }
        self.variant = 0;
        self.phase = Phase::Setting;
        self.queue.extend(family.start(self.variant, &self.settings));
        // One that sends and never answers hears nothing; another may come up yet.
        self.may_have_forgotten = !self.was_heard && (self.has_answered || !self.has_heard);
        self.note(Problem::Mute);
        self.send_next(now);
    }

    /// Whether the family does something about this answer, or its absence; its commands come first.
    fn follow(&mut self, command: &Command, reply: Option<&Signal>) -> bool {
        let Some(family) = &mut self.family else { return false };
        let Some(more) = family.follow_up(self.variant, &self.settings, command, reply) else { return false };
        for command in more.into_iter().rev() {
            self.queue.push_front(command);
        }
        if self.phase == Phase::Reading {
            // What it reads by may be what takes a setting.
            self.note_unknown();
        }
        true
    }

    /// Names what cannot be set, as far as it is known by now.
    fn note_unknown(&mut self) {
        let Some(family) = &self.family else { return };
        let unknown = family.unknown(&self.settings);
        self.problems.retain(|problem| !matches!(problem, Problem::Unknown(_)));
        for what in unknown {
            self.note(Problem::Unknown(what));
        }
    }

    /// When the next round is due at the latest.
    fn round_at(&self) -> Option<MonoMs> {
        let (_, sent) = self.inventory.as_ref()?;
        let round_ms = self.family.as_ref()?.round_ms()?;
        let last = self.heard.max(*sent) + round_ms;
        Some(self.round_due.map_or(last, |due| due.min(last)))
    }

    fn next_round(&mut self, now: MonoMs) {
        if self.round_due.take().is_none() {
            self.empty_rounds = self.empty_rounds.saturating_add(1);
            // One word may be lost on the line.
            let most = if self.says_round_end { 2 } else { 1 };
            self.may_have_forgotten |= self.empty_rounds >= most && self.gives_signs();
        }
        self.rounds = self.rounds.wrapping_add(1);
        // Only the rounds tell whether it knows how they are asked for.
        if !self.has_read
            && let Some((unanswered, _)) = self.inventory.take()
            && self.follow(&unanswered, None)
        {
            self.send_next(now);
            return;
        }
        let Some(family) = &self.family else { return };
        self.queue.extend(family.round(self.variant, &self.settings, self.rounds));
        self.send_next(now);
    }

    /// Nothing was heard for half the time after which it counts as silent.
    fn recover(&mut self, now: MonoMs) {
        let Some(family) = &self.family else { return };
        if family.forgets() || !self.has_spoken {
            self.begin(now);
            return;
        }
        self.ask_due = now + self.silence_ms / 2;
        self.queue.push_back(family.question(self.variant));
        self.send_next(now);
    }

    fn end_trouble(&mut self) {
        self.problems.retain(|problem| !matches!(problem, Problem::Trouble(_)));
    }

    /// The port with which a reader reads in the present round whose antennas take turns.
    fn round_port(&self) -> Option<u8> {
        let ports = &self.settings.ports;
        ports.get(self.rounds.checked_rem(ports.len())?).copied()
    }

    fn note(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}
