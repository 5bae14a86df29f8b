//! Lamps on pins, whatever drives the pins: which pin is which lamp, which level lights it, and who may write.

use super::{Frame, Lit, Output, OutputError, Switches, all_red, lit_heads, lit_pins};
use crate::config::{GroupPins, InputConfig, OutputConfig};
use crate::interlock::HeadSeen;
use flextraff_common::junction::{GroupIx, GroupSet};
use flextraff_common::time::MonoMs;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

/// Lines that have a level.
pub trait Lines: Send {
    /// Sets the lines, in this order where they cannot change at once; `true` is a high level. Never blocks.
    ///
    /// # Errors
    /// When they can no longer be set.
    fn write(&mut self, levels: &[(u8, bool)]) -> Result<(), OutputError>;

    /// The level of every input, in the order in which they were opened. Never blocks.
    ///
    /// # Errors
    /// When they can no longer be read.
    fn read(&mut self) -> Result<Vec<bool>, OutputError>;
}

/// Which pin does what; pure.
#[derive(Clone, Debug)]
pub struct Pins {
    lamps: Vec<GroupPins>,
    feedback: Vec<GroupPins>,
    buttons: Vec<Option<u8>>,
    input: InputConfig,
    enable: Option<u8>,
    identify: Option<u8>,
    active_high: bool,
    feedback_active_high: bool,
    groups: Vec<String>,
}

/// A pin and who uses it, as messages call it.
pub(super) type PinUser = (u8, String);

impl Pins {
    /// The pins of a configuration; `groups` names the groups in the junction's order.
    pub fn new(config: &OutputConfig, groups: &[String]) -> Self {
        Self {
            lamps: config.pins.clone(),
            feedback: config.feedback.clone(),
            buttons: config.buttons.clone(),
            input: config.input,
            enable: config.enable_pin,
            identify: config.identify_pin,
            active_high: config.active_high,
            feedback_active_high: config.feedback_active_high,
            groups: groups.to_vec(),
        }
    }

    /// Every output with the level at which it starts: no lamp lit, nothing enabled.
    pub fn outputs(&self) -> Vec<(PinUser, bool)> {
        let lamps = self.users(&self.lamps, "lamp").map(|user| (user, !self.active_high));
        let aux = [(self.enable, "enable_pin of [output]"), (self.identify, "identify_pin of [output]")];
        let aux = aux.into_iter().filter_map(|(pin, user)| Some(((pin?, user.to_owned()), false)));
        lamps.chain(aux).collect()
    }

    /// Every input: feedback, then push buttons, then the switches of the cabinet; with whether it floats high where nothing is connected: as
    /// if the lamp were not lit, the button not pressed, the switch off.
    pub fn inputs(&self) -> Vec<(PinUser, bool)> {
        let buttons = self.groups.iter().zip(&self.buttons);
        let buttons =
            buttons.filter_map(|(group, pin)| Some(((*pin)?, format!("the button of group \"{group}\""))));
        let lamps = self.users(&self.feedback, "feedback").chain(buttons);
        let switches = self.input.each().into_iter();
        let switches = switches.filter_map(|(key, pin)| Some((pin?, format!("{key} of [input]"))));
        let lamps = lamps.map(|user| (user, !self.feedback_active_high));
        lamps.chain(switches.map(|user| (user, !self.input.active_high))).collect()
    }

    fn users<'a>(&'a self, pins: &'a [GroupPins], what: &'a str) -> impl Iterator<Item = PinUser> + 'a {
        self.groups.iter().zip(pins).flat_map(move |(group, pins)| {
            let each = [("red", pins.red), ("amber", pins.amber), ("green", pins.green)];
            each.into_iter().filter_map(move |(lamp, pin)| {
                Some((pin?, format!("the {lamp} {what} of group \"{group}\"")))
            })
        })
    }

    /// The levels that show lamps.
    pub fn levels(&self, lit: &[Lit], enable: bool, identify: bool) -> Vec<(u8, bool)> {
        let lamps = lit_pins(&self.lamps, lit).into_iter().map(|(pin, lit)| (pin, lit == self.active_high));
        let aux = [(self.enable, enable), (self.identify, identify)];
        lamps.chain(aux.into_iter().filter_map(|(pin, level)| Some((pin?, level)))).collect()
    }

    /// What inputs in the order of [`Pins::inputs`] say of every head.
    pub fn seen(&self, levels: &[bool]) -> Vec<HeadSeen> {
        let mut levels = levels.iter().map(|level| *level == self.feedback_active_high);
        let mut next = |pin: Option<u8>| pin.and_then(|_| levels.next());
        self.feedback
            .iter()
            .map(|pins| HeadSeen { red: next(pins.red), amber: next(pins.amber), green: next(pins.green) })
            .collect()
    }

    /// What inputs in the order of [`Pins::inputs`] say of the push buttons; of inputs that cannot be read: all are pressed, so that nobody
    /// waits in vain.
    pub fn pressed(&self, levels: Option<&[bool]>) -> GroupSet {
        let feedback = self.users(&self.feedback, "feedback").count();
        let mut levels = levels.map(|levels| levels.iter().skip(feedback));
        let buttons = self.buttons.iter().enumerate().filter(|(_, pin)| pin.is_some());
        let pressed = buttons.filter(|_| match &mut levels {
            Some(levels) => levels.next() == Some(&self.feedback_active_high),
            None => true,
        });
        pressed.map(|(group, _)| GroupIx::new(group)).collect()
    }

    /// What inputs in the order of [`Pins::inputs`] say of the switches of the cabinet.
    pub fn switches(&self, levels: &[bool]) -> Switches {
        let before = self.users(&self.feedback, "feedback").count() + self.buttons.iter().flatten().count();
        let mut levels = levels.iter().skip(before).map(|level| *level == self.input.active_high);
        let [panel, advance, flash, door] =
            self.input.each().map(|(_, pin)| pin.and_then(|_| levels.next()).unwrap_or(false));
        Switches { panel, advance, flash, door }
    }

    fn has_buttons(&self) -> bool {
        self.buttons.iter().any(Option::is_some)
    }

    fn has_feedback(&self) -> bool {
        self.feedback.iter().any(|pins| *pins != GroupPins::default())
    }
}

/// Drives one pin per lamp.
///
/// The lamp loop never waits for the lines: its guard takes them only when the loop hangs, and from then on the loop may not write any more.
/// When nobody uses them any longer they are left with red lit.
#[derive(Debug)]
pub struct PinOutput<L: Lines> {
    shared: Arc<Mutex<Shared<L>>>,
    pins: Pins,
}

#[derive(Debug)]
struct Shared<L: Lines> {
    lines: L,
    pins: Pins,
    taken: bool,
}

impl<L: Lines> PinOutput<L> {
    /// Drives lines that have been opened for these pins.
    pub fn new(lines: L, pins: Pins) -> Self {
        Self { shared: Arc::new(Mutex::new(Shared { lines, pins: pins.clone(), taken: false })), pins }
    }

    fn lines(&self) -> Result<MutexGuard<'_, Shared<L>>, OutputError> {
        let shared = free(&self.shared)?;
        if shared.taken { Err(OutputError::TakenOver) } else { Ok(shared) }
    }
}

/// The lines, if nobody uses them at this moment.
fn free<L: Lines>(shared: &Mutex<Shared<L>>) -> Result<MutexGuard<'_, Shared<L>>, OutputError> {
    match shared.try_lock() {
        Ok(shared) => Ok(shared),
        // Whoever panicked while writing has written something; the next write is whole.
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => Err(OutputError::Held),
    }
}

impl<L: Lines + 'static> Output for PinOutput<L> {
    fn show(&mut self, frame: &Frame<'_>) -> Result<(), OutputError> {
        let levels = self.pins.levels(frame.lit, frame.enable, frame.identify);
        self.lines()?.lines.write(&levels)
    }

    fn seen(&mut self) -> Result<Vec<HeadSeen>, OutputError> {
        if !self.pins.has_feedback() {
            return Ok(Vec::new());
        }
        let levels = self.lines()?.lines.read()?;
        Ok(self.pins.seen(&levels))
    }

    fn pressed(&mut self) -> GroupSet {
        if !self.pins.has_buttons() {
            return GroupSet::EMPTY;
        }
        let levels = self.lines().and_then(|mut shared| shared.lines.read()).ok();
        self.pins.pressed(levels.as_deref())
    }

    fn switches(&mut self) -> Option<Switches> {
        if !self.pins.input.is_wired() {
            return None;
        }
        let levels = self.lines().and_then(|mut shared| shared.lines.read()).ok()?;
        Some(self.pins.switches(&levels))
    }

    fn last_resort(&self) -> Option<Box<dyn LastResort>> {
        Some(Box::new(Arc::clone(&self.shared)))
    }
}

impl<L: Lines> Drop for Shared<L> {
    fn drop(&mut self) {
        let red = lit_heads(&all_red(self.pins.lamps.len()), MonoMs(0));
        let levels = self.pins.levels(&red, false, false);
        // The last that this process does with them; nobody is left who could be told.
        let _ = self.lines.write(&levels);
    }
}

/// Drives the lamps in place of a loop that hangs.
pub trait LastResort: Send {
    /// Takes the lamps from the loop for good and shows heads.
    ///
    /// # Errors
    /// When the loop hangs while it writes, or the lines can no longer be set.
    fn show(&mut self, lit: &[Lit], enable: bool) -> Result<(), OutputError>;
}

impl<L: Lines> LastResort for Arc<Mutex<Shared<L>>> {
    fn show(&mut self, lit: &[Lit], enable: bool) -> Result<(), OutputError> {
        let mut shared = free(self)?;
        shared.taken = true;
        let levels = shared.pins.levels(lit, enable, false);
        shared.lines.write(&levels)
    }
}
