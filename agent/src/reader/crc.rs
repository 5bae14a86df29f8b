//! The checksums of readers and tags.

/// CRC-16 with the reflected polynomial 0x8408 and no final xor (CRC-16/MCRF4XX when `preset` is 0xFFFF): Chafon.
pub(super) fn crc16(preset: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(preset, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}

/// The checksum of a Gen2 tag over its PC and EPC, CRC-16/GENIBUS: polynomial 0x1021, initially all ones, inverted at the end.
pub(super) fn gen2(bytes: &[u8]) -> u16 {
    !bytes
        .iter()
        .fold(0xFFFF, |crc, &byte| (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| shifted(crc, 0)))
}

/// `ThingMagic`'s: polynomial 0x1021, initially all ones, with the data shifted into the low end of the register.
pub(super) fn thingmagic(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, &byte| {
        (0..8).rev().fold(crc, |crc, bit| shifted(crc, u16::from(byte >> bit & 1)))
    })
}

/// The register shifted by one bit, with `low` in the lowest place.
const fn shifted(crc: u16, low: u16) -> u16 {
    let next = crc << 1 | low;
    if crc & 0x8000 == 0 { next } else { next ^ 0x1021 }
}

/// Whether all bytes of a frame, with its check byte, add up to 0 modulo 256.
pub(super) fn sums_to_zero(frame: &[u8]) -> bool {
    frame.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_catalogues() {
        assert_eq!(crc16(0xFFFF, b"123456789"), 0x6F91);
        assert_eq!(gen2(b"123456789"), 0xD64E);
        assert_eq!(thingmagic(b"123456789"), 0xA69D);
    }
}
