//! Lamps on pins: which level each pin gets, in which order, and what is said where there are none.

use super::*;
use crate::config::{GroupPins, InputConfig};
use crate::interlock::HeadSeen;

const fn group(red: u8, amber: u8, green: u8) -> GroupPins {
    GroupPins { red: Some(red), amber: Some(amber), green: Some(green) }
}

pub(super) fn wired() -> OutputConfig {
    OutputConfig {
        driver: Driver::Gpiochip,
        active_high: true,
        pins: vec![group(2, 3, 4), GroupPins { red: Some(5), amber: None, green: Some(6) }],
        buttons: Vec::new(),
        input: InputConfig::default(),
        socket: None,
        chip: None,
        enable_pin: Some(20),
        enable_on_fault: false,
        identify_pin: Some(21),
        feedback: vec![GroupPins { red: Some(12), amber: None, green: Some(13) }, GroupPins::default()],
        feedback_active_high: true,
        longest_stop_s: None,
    }
}

fn pins(config: &OutputConfig) -> Pins {
    Pins::new(config, &["N".to_owned(), "P".to_owned()])
}

fn numbers(levels: &[(u8, bool)], high: bool) -> Vec<u8> {
    levels.iter().filter(|level| level.1 == high).map(|level| level.0).collect()
}

#[test]
fn every_output_starts_with_its_lamp_dark_and_nothing_enabled() {
    let outputs = |config: &OutputConfig| -> Vec<(u8, bool)> {
        pins(config).outputs().into_iter().map(|((pin, _), high)| (pin, high)).collect()
    };
    let high = wired();
    assert_eq!(numbers(&outputs(&high), false), [2, 3, 4, 5, 6, 20, 21]);
    let low = OutputConfig { active_high: false, ..wired() };
    assert_eq!(numbers(&outputs(&low), true), [2, 3, 4, 5, 6]);
    assert_eq!(numbers(&outputs(&low), false), [20, 21], "which are no lamps");
    let users: Vec<String> = pins(&high).outputs().into_iter().map(|((_, user), _)| user).collect();
    assert_eq!(users[0], "the red lamp of group \"N\"");
    assert_eq!(users[5], "enable_pin of [output]");
    let inputs = pins(&high).inputs();
    assert_eq!(inputs[1], ((13, "the green feedback of group \"N\"".to_owned()), false));
}

#[test]
fn what_is_lit_becomes_levels_dark_ones_first() {
    let lit = lit_heads(&[Aspect::Green, Aspect::Red], MonoMs(0));
    let levels = pins(&wired()).levels(&lit, true, false);
    assert_eq!(levels, [(2, false), (3, false), (6, false), (4, true), (5, true), (20, true), (21, false)]);
    let low = pins(&OutputConfig { active_high: false, ..wired() }).levels(&lit, true, false);
    assert_eq!(numbers(&low, false), [4, 5, 21], "a low level lights");
}

#[test]
fn inputs_tell_of_lamps_and_of_those_without_input_nothing() {
    let none = HeadSeen::default();
    let seen = HeadSeen { red: Some(true), amber: None, green: Some(false) };
    assert_eq!(pins(&wired()).seen(&[true, false]), [seen, none]);
    let low = OutputConfig { feedback_active_high: false, ..wired() };
    assert_eq!(pins(&low).seen(&[false, true]), [seen, none]);
    assert!(pins(&low).inputs().iter().all(|(_, high)| *high), "a wire that is off is a lamp that is dark");
}

/// Lines in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(pub(super) Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) writes: Vec<Vec<(u8, bool)>>,
    pub(super) inputs: Vec<bool>,
    pub(super) broken: bool,
}

impl Memory {
    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while writing")
    }

    fn fails(&self) -> Result<(), OutputError> {
        let path = "/dev/gpiochip9".into();
        let error = ChipError::Failed { path, what: "set", cause: "it was unplugged".into() };
        if self.state().broken { Err(error.into()) } else { Ok(()) }
    }
}

impl Lines for Memory {
    fn write(&mut self, levels: &[(u8, bool)]) -> Result<(), OutputError> {
        self.fails()?;
        self.state().writes.push(levels.to_vec());
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<bool>, OutputError> {
        self.fails()?;
        Ok(self.state().inputs.clone())
    }
}

#[test]
fn whoever_takes_the_lamps_keeps_them_and_red_is_left() {
    let memory = Memory::default();
    let mut output = PinOutput::new(memory.clone(), pins(&wired()));
    show_once(&mut output, &[Aspect::Green, Aspect::Red], MonoMs(0)).expect("they are free");
    let mut guard = output.last_resort().expect("there are real lamps");
    let lit = lit_heads(&[Aspect::FlashAmber, Aspect::Dark], MonoMs(0));
    guard.show(&lit, false).expect("the loop does not write");
    assert_eq!(numbers(memory.state().writes.last().expect("written"), true), [3]);
    let error = show_once(&mut output, &[Aspect::Green, Aspect::Red], MonoMs(50)).expect_err("taken");
    assert!(matches!(error, OutputError::TakenOver), "{error}");
    assert!(matches!(output.seen(), Err(OutputError::TakenOver)));
    drop(output);
    assert_eq!(memory.state().writes.len(), 2, "the guard still has them");
    drop(guard);
    assert_eq!(numbers(memory.state().writes.last().expect("written"), true), [2, 5], "red");
}

#[test]
fn a_machine_without_gpio_says_so() {
    let names = ["N".to_owned(), "P".to_owned()];
    let error = |config: &OutputConfig| open_named(config, &names).err().map(|error| error.to_string());
    if RppalLines::open(&pins(&OutputConfig { pins: Vec::new(), ..wired() })).is_err() {
        let text = error(&OutputConfig { driver: Driver::Rppal, ..wired() }).expect("no GPIO");
        assert!(text.starts_with("GPIO is not available here: "), "{text}");
        assert!(text.ends_with("use [output] driver = \"virtual\" on a machine without lamps"), "{text}");
    }
    if !Path::new("/dev/gpiochip0").exists() {
        let text = error(&wired()).expect("no chip");
        assert!(text.starts_with("this machine has no GPIO character device"), "{text}");
        let named = |chip: &str| error(&OutputConfig { chip: Some(chip.to_owned()), ..wired() });
        assert_eq!(
            named("/dev/gpiochip7"),
            Some("the lines of /dev/gpiochip7 cannot be opened: there is no such file".to_owned())
        );
        assert_eq!(
            named("/dev/null"),
            Some("/dev/null is no GPIO character device; name another chip in [output]".to_owned())
        );
    }
    assert_eq!(error(&OutputConfig { driver: Driver::Virtual, ..wired() }), None);
}

#[test]
fn buttons_are_the_last_inputs_and_count_as_pressed_when_nobody_can_look() {
    let with_button = OutputConfig { buttons: vec![None, Some(14)], ..wired() };
    let pins = pins(&with_button);
    let inputs: Vec<u8> = pins.inputs().into_iter().map(|((pin, _), _)| pin).collect();
    assert_eq!(inputs, [12, 13, 14]);
    assert_eq!(pins.inputs()[2].0.1, "the button of group \"P\"");
    assert!(pins.pressed(Some(&[true, true, false])).is_empty());
    let pressed = [flextraff_common::junction::GroupIx::new(1)].into_iter().collect();
    assert_eq!(pins.pressed(Some(&[false, false, true])), pressed);
    assert_eq!(pins.pressed(None), pressed);
}

#[test]
fn switches_come_after_the_buttons_and_are_pulled_to_off() {
    let input = InputConfig { panel: Some(23), flash: Some(24), door: Some(25), ..InputConfig::default() };
    let with = |input| pins(&OutputConfig { buttons: vec![None, Some(14)], input, ..wired() });
    let low = with(input);
    let inputs: Vec<(u8, bool)> = low.inputs().into_iter().map(|((pin, _), high)| (pin, high)).collect();
    assert_eq!(inputs, [(12, false), (13, false), (14, false), (23, true), (24, true), (25, true)]);
    assert_eq!(low.inputs()[4].0.1, "flash of [input]");
    let off = Switches::default();
    assert_eq!(low.switches(&[true, true, true, true, false, true]), Switches { flash: true, ..off });
    let high = with(InputConfig { active_high: true, ..input });
    assert_eq!(
        high.switches(&[true, true, true, true, false, true]),
        Switches { panel: true, door: true, ..off }
    );
    assert!(!high.inputs()[3].1);
    assert_eq!(high.switches(&[]), off);
}
