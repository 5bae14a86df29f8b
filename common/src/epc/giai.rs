//! GS1 Global Individual Asset Identifier, 96-bit form (GIAI-96).

use super::Epc;
use std::fmt;

const HEADER: u8 = 0x34;

/// Company-prefix bits and digits by partition value (EPC Tag Data Standard 2.1, table 14-19); the reference has the other bits of 82.
const PARTITIONS: [(u32, u32); 7] = [(40, 12), (37, 11), (34, 10), (30, 9), (27, 8), (24, 7), (20, 6)];

/// A decoded GIAI-96.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Giai96 {
    /// Filter value, 0 to 7.
    pub filter: u8,
    /// Partition value, 0 to 6: where the company prefix ends.
    pub partition: u8,
    /// GS1 company prefix.
    pub company: u64,
    /// Digits of the company prefix, leading zeros included.
    pub company_digits: u32,
    /// Individual asset reference.
    pub reference: u64,
}

/// Why an EPC is no GIAI-96.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GiaiError {
    /// Not 96 bits.
    #[error("the EPC has {bytes} bytes; a GIAI-96 has 12")]
    Length {
        /// How many it has.
        bytes: usize,
    },
    /// Another scheme.
    #[error("header {header:#04X} is not that of a GIAI-96 (0x34)")]
    Header {
        /// The first byte.
        header: u8,
    },
    /// Partition 7 does not exist.
    #[error("partition 7 does not exist")]
    Partition,
    /// More than its digits can write.
    #[error("company prefix {company} has more than {digits} digits")]
    Company {
        /// The prefix.
        company: u64,
        /// How many digits the partition gives it.
        digits: u32,
    },
}

impl Giai96 {
    /// Reads a GIAI-96.
    ///
    /// # Errors
    /// Says which field is wrong.
    pub fn decode(epc: &Epc) -> Result<Self, GiaiError> {
        let bytes: [u8; 12] =
            epc.as_bytes().try_into().map_err(|_| GiaiError::Length { bytes: epc.as_bytes().len() })?;
        if bytes[0] != HEADER {
            return Err(GiaiError::Header { header: bytes[0] });
        }
        let bits = bytes.iter().fold(0_u128, |bits, &byte| bits << 8 | u128::from(byte));
        let filter = (bits >> 85 & 7) as u8;
        let partition = (bits >> 82 & 7) as u8;
        let &(company_bits, company_digits) =
            PARTITIONS.get(usize::from(partition)).ok_or(GiaiError::Partition)?;
        let reference_bits = 82 - company_bits;
        let company = (bits >> reference_bits & ((1 << company_bits) - 1)) as u64;
        if company >= 10_u64.pow(company_digits) {
            return Err(GiaiError::Company { company, digits: company_digits });
        }
        let reference = (bits & ((1 << reference_bits) - 1)) as u64;
        Ok(Self { filter, partition, company, company_digits, reference })
    }

    /// Writes the 96 bits again; the inverse of [`Giai96::decode`].
    ///
    /// # Errors
    /// When a field does not fit its bits or digits.
    pub fn encode(&self) -> Result<Epc, GiaiError> {
        let &(company_bits, digits) =
            PARTITIONS.get(usize::from(self.partition)).ok_or(GiaiError::Partition)?;
        let reference_bits = 82 - company_bits;
        if self.company >= 10_u64.pow(digits) || self.reference >> reference_bits != 0 {
            return Err(GiaiError::Company { company: self.company, digits });
        }
        let bits = u128::from(HEADER) << 88
            | u128::from(self.filter & 7) << 85
            | u128::from(self.partition) << 82
            | u128::from(self.company) << reference_bits
            | u128::from(self.reference);
        Epc::new(&bits.to_be_bytes()[4..]).ok_or(GiaiError::Length { bytes: 0 })
    }
}

/// The pure-identity URI, such as `urn:epc:id:giai:8907272.17588552535638048`.
impl fmt::Display for Giai96 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "urn:epc:id:giai:{:0width$}.{}",
            self.company,
            self.reference,
            width = self.company_digits as usize
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn giai(hex: &str) -> Result<Giai96, GiaiError> {
        Giai96::decode(&hex.parse().unwrap())
    }

    #[test]
    fn published_vectors_decode_and_encode() {
        for (hex, uri) in [
            ("34161FA8203E7CB202000020", "urn:epc:id:giai:8907272.17588552535638048"),
            ("34161FA8203E7CB2305B75E0", "urn:epc:id:giai:8907272.17588553313383904"),
            ("34161FA8203295CE0F4064E0", "urn:epc:id:giai:8907272.14238461087212768"),
            ("3414257BF400000000BC6038", "urn:epc:id:giai:0614141.12345400"),
            ("340F8A187C90000000000002", "urn:epc:id:giai:950110153.2"),
        ] {
            let decoded = giai(hex).unwrap();
            assert_eq!(decoded.to_string(), uri);
            assert_eq!(decoded.encode().unwrap().to_string(), hex);
        }
    }

    #[test]
    fn wrong_fields_are_named() {
        assert_eq!(giai("3414257BF400000000BC60"), Err(GiaiError::Length { bytes: 11 }));
        assert_eq!(giai("3014257BF400000000BC6038"), Err(GiaiError::Header { header: 0x30 }));
        assert_eq!(giai("341C257BF400000000BC6038"), Err(GiaiError::Partition));
        assert!(matches!(giai("3417FFFFFFFFFFFFFFFFFFFF"), Err(GiaiError::Company { digits: 7, .. })));
    }
}
