//! The checksum of Chafon readers.

/// CRC-16 with the reflected polynomial 0x8408 and no final xor (CRC-16/MCRF4XX when `preset` is 0xFFFF).
pub(super) fn crc16(preset: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(preset, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc16(0xFFFF, b"123456789"), 0x6F91);
    }
}
