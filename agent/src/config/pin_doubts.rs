//! Pins of a Raspberry Pi's header that do something before the agent drives them.

use super::{Config, Driver, GroupPins};

/// Pins up to this one are pulled up at power-on, those above down (BCM2835 ARM Peripherals, p. 102).
const LAST_PULLED_UP: u8 = 8;
/// The last pin of the header.
const LAST: u8 = 27;
/// Pins that belong to something else, and to what.
const RESERVED: [(u8, &str); 4] = [
    (0, "the EEPROM of a HAT"),
    (1, "the EEPROM of a HAT"),
    (14, "the UART, which drives it high during the boot"),
    (15, "the UART"),
];

/// What is wrong with the configuration, though the agent would use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What.
    pub message: String,
    /// What to do.
    pub action: String,
}

impl Config {
    /// Pins that light a lamp at power-on or belong to something else, if the numbers are those of a Raspberry Pi's header; none with the virtual
    /// driver.
    pub fn pin_doubts(&self) -> Vec<Doubt> {
        if self.output.driver == Driver::Virtual {
            return Vec::new();
        }
        self.lit_at_power_on().into_iter().chain(self.reserved()).collect()
    }

    fn lit_at_power_on(&self) -> Option<Doubt> {
        let active_high = self.output.active_high;
        let lamps = self.of_groups(&self.output.pins, "lamp");
        let lit = lamps.filter(|(pin, _)| *pin <= LAST && (*pin <= LAST_PULLED_UP) == active_high);
        let lit: Vec<String> = lit.map(|(pin, lamp)| format!("{lamp} (pin {pin})")).collect();
        let (pulled, others) = if active_high { ("up", "9 to 13 and 16 to 27") } else { ("down", "2 to 8") };
        (!lit.is_empty()).then(|| Doubt {
            message: format!(
                "until the agent drives their pins, which are pulled {pulled} at power-on, these are lit: {}",
                lit.join(", ")
            ),
            action: format!("use pins {others} for lamps, or relays that switch on the other level, and change active with them"),
        })
    }

    fn reserved(&self) -> Vec<Doubt> {
        let used: Vec<(u8, String)> = self.all_pins();
        let doubt = |(pin, owner): (u8, &str)| {
            let (_, user) = used.iter().find(|(used, _)| *used == pin)?;
            Some(Doubt {
                message: format!("pin {pin}, that of {user}, belongs to {owner}"),
                action: "use another pin".to_owned(),
            })
        };
        RESERVED.into_iter().filter_map(doubt).collect()
    }

    fn all_pins(&self) -> Vec<(u8, String)> {
        let output = &self.output;
        let groups = self.junction.groups().iter();
        let buttons = groups
            .zip(&output.buttons)
            .filter_map(|(group, pin)| Some(((*pin)?, format!("the button of group \"{}\"", group.name))));
        let aux = [("enable_pin", output.enable_pin), ("identify_pin", output.identify_pin)];
        let aux = aux.into_iter().filter_map(|(key, pin)| Some((pin?, format!("{key} of [output]"))));
        let inputs = output.input.each().into_iter();
        let inputs = inputs.filter_map(|(key, pin)| Some((pin?, format!("{key} of [input]"))));
        let lamps = self.of_groups(&output.pins, "lamp").chain(self.of_groups(&output.feedback, "feedback"));
        lamps.chain(buttons).chain(aux).chain(inputs).collect()
    }

    fn of_groups<'a>(
        &'a self,
        pins: &'a [GroupPins],
        what: &'a str,
    ) -> impl Iterator<Item = (u8, String)> + 'a {
        self.junction.groups().iter().zip(pins).flat_map(move |(group, pins)| {
            let each = [("red", pins.red), ("amber", pins.amber), ("green", pins.green)];
            each.into_iter().filter_map(move |(lamp, pin)| {
                Some((pin?, format!("the {lamp} {what} of group \"{}\"", group.name)))
            })
        })
    }
}
