//! The checksums of readers and tags, bit by bit.

const POLYNOMIAL: u16 = 0x1021;

/// The register after one more bit.
const fn clock(register: u16, out: bool, low: u16) -> u16 {
    let next = register << 1 | low;
    if out { next ^ POLYNOMIAL } else { next }
}

fn bits(bytes: &[u8]) -> impl Iterator<Item = bool> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
}

/// Chafon's: each byte and the result mirrored.
pub(super) fn chafon(preset: u16, bytes: &[u8]) -> u16 {
    let mirrored: Vec<u8> = bytes.iter().map(|byte| byte.reverse_bits()).collect();
    let register = bits(&mirrored)
        .fold(preset.reverse_bits(), |register, bit| clock(register, (register >> 15 == 1) != bit, 0));
    register.reverse_bits()
}

/// A Gen2 tag's over PC and EPC: begun with ones and inverted.
pub(super) fn gen2(bytes: &[u8]) -> u16 {
    !bits(bytes).fold(0xFFFF, |register, bit| clock(register, (register >> 15 == 1) != bit, 0))
}

/// `ThingMagic`'s: the bits enter at the low end.
pub(super) fn thingmagic(bytes: &[u8]) -> u16 {
    bits(bytes).fold(0xFFFF, |register, bit| clock(register, register >> 15 == 1, u16::from(bit)))
}

/// A frame and the byte with which all of it adds up to 0.
pub(super) fn to_zero(mut frame: Vec<u8>) -> Vec<u8> {
    let sum = frame.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    frame.push(sum.wrapping_neg());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_catalogues() {
        assert_eq!(chafon(0xFFFF, b"123456789"), 0x6F91);
        assert_eq!(gen2(b"123456789"), 0xD64E);
        assert_eq!(thingmagic(b"123456789"), 0xA69D);
        assert_eq!(to_zero(vec![0xA0, 0x03, 0x01, 0x72]), [0xA0, 0x03, 0x01, 0x72, 0xEA]);
    }
}
