//! From aspects to lamps that are lit; pure.

use crate::config::GroupPins;
use crate::interlock::HeadLamps;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;

/// Half a flash, milliseconds: 55 flashes a minute, lit half of the time. MUTCD section 4G.01 asks for 50 to 60 a minute, lit one half to two thirds.
const HALF_FLASH_MS: i64 = 545;

/// Lamps of one head.
pub type Lit = HeadLamps;

/// Whether flashing lamps are lit at a moment.
pub fn flash_is_lit(at: MonoMs) -> bool {
    at.0.div_euclid(HALF_FLASH_MS).rem_euclid(2) == 0
}

/// Which lamps of a head are lit; `flash`: whether flashing ones are at this moment.
pub fn lit(aspect: Aspect, flash: bool) -> Lit {
    let none = Lit::default();
    match aspect {
        Aspect::Green => Lit { green: true, ..none },
        Aspect::Amber => Lit { amber: true, ..none },
        Aspect::Red => Lit { red: true, ..none },
        Aspect::RedAmber => Lit { red: true, amber: true, ..none },
        Aspect::FlashRed => Lit { red: flash, ..none },
        Aspect::FlashAmber => Lit { amber: flash, ..none },
        Aspect::Dark => none,
    }
}

/// Which lamps of every head are lit at a moment.
pub fn lit_heads(lamps: &[Aspect], at: MonoMs) -> Vec<Lit> {
    let flash = flash_is_lit(at);
    lamps.iter().map(|&aspect| lit(aspect, flash)).collect()
}

/// Each pin and whether its lamp is lit: what goes dark before what lights up, so that no head shows two colours in between.
pub fn lit_pins(pins: &[GroupPins], heads: &[Lit]) -> Vec<(u8, bool)> {
    let mut levels: Vec<(u8, bool)> = pins
        .iter()
        .zip(heads)
        .flat_map(|(pins, lit)| [(pins.red, lit.red), (pins.amber, lit.amber), (pins.green, lit.green)])
        .filter_map(|(pin, lit)| Some((pin?, lit)))
        .collect();
    levels.sort_by_key(|&(_, lit)| lit);
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    const VEHICLE: GroupPins = GroupPins { red: Some(17), amber: Some(27), green: Some(22) };
    const PEDESTRIAN: GroupPins = GroupPins { red: Some(5), amber: None, green: Some(6) };

    fn on(aspects: [Aspect; 2], at: i64) -> Vec<u8> {
        let levels = lit_pins(&[VEHICLE, PEDESTRIAN], &lit_heads(&aspects, MonoMs(at)));
        assert_eq!(levels.len(), 5, "every pin gets a level each time");
        assert!(levels.is_sorted_by_key(|level| level.1));
        levels.into_iter().filter(|level| level.1).map(|level| level.0).collect()
    }

    #[test]
    fn each_aspect_lights_its_lamps() {
        assert_eq!(on([Aspect::Green, Aspect::Red], 0), [22, 5]);
        assert_eq!(on([Aspect::Amber, Aspect::Green], 0), [27, 6]);
        assert_eq!(on([Aspect::RedAmber, Aspect::Red], 0), [17, 27, 5]);
        assert_eq!(on([Aspect::Dark, Aspect::Dark], 0), [0_u8; 0]);
    }

    #[test]
    fn flashing_lamps_are_lit_half_of_the_time_55_times_a_minute() {
        assert_eq!(on([Aspect::FlashAmber, Aspect::Dark], 544), [27]);
        assert_eq!(on([Aspect::FlashAmber, Aspect::Dark], 545), [0_u8; 0]);
        assert_eq!(on([Aspect::FlashRed, Aspect::Dark], 1090), [17]);
        assert_eq!(on([Aspect::FlashRed, Aspect::Dark], -1), [0_u8; 0]);
        let starts = (1..60_000).filter(|&ms| flash_is_lit(MonoMs(ms)) && !flash_is_lit(MonoMs(ms - 1)));
        assert_eq!(starts.count(), 55);
    }
}
