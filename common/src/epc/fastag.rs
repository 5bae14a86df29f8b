//! FASTag: the GIAI-96 of the Indian Highways Management Company (IHMCL).

use super::{Epc, Giai96, GiaiError};
use std::fmt;

/// GS1 country prefix of India.
const COUNTRY: u64 = 890;
/// IHMCL within it.
const IHMCL: u64 = 7272;
/// The national clearing house.
const CCH: u64 = 1;

/// What a FASTag says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fastag {
    /// Bank identification number of the issuer, six digits.
    pub issuer: u32,
    /// Issuer key index.
    pub key: u8,
    /// Serial number; repeats between issuers and keys.
    pub serial: u32,
}

/// Why an EPC is no FASTag: the first broken rule, in the order in which toll applications check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FastagError {
    /// Not even a GIAI-96.
    #[error(transparent)]
    Giai(#[from] GiaiError),
    /// Filter is not 0.
    #[error("filter is {0}, not 0")]
    Filter(u8),
    /// Partition is not 5.
    #[error("partition is {0}, not 5")]
    Partition(u8),
    /// Another country.
    #[error("country prefix is {0}, not 890 (India)")]
    Country(u64),
    /// Another company.
    #[error("company prefix is {0}, not 8907272 (IHMCL)")]
    Company(u64),
    /// Another clearing house.
    #[error("clearing house is {0}, not 1")]
    ClearingHouse(u64),
    /// Not a six-digit bank number.
    #[error("issuer {0} is no six-digit bank number")]
    Issuer(u64),
    /// Reserved bits are set.
    #[error("reserved bits are {0}, not 0")]
    Reserved(u64),
}

impl Fastag {
    /// Reads a FASTag.
    ///
    /// # Errors
    /// The first rule that the EPC breaks.
    pub fn decode(epc: &Epc) -> Result<Self, FastagError> {
        let giai = Giai96::decode(epc)?;
        if giai.filter != 0 {
            return Err(FastagError::Filter(giai.filter));
        }
        if giai.partition != 5 {
            return Err(FastagError::Partition(giai.partition));
        }
        if giai.company / 10_000 != COUNTRY {
            return Err(FastagError::Country(giai.company / 10_000));
        }
        if giai.company % 10_000 != IHMCL {
            return Err(FastagError::Company(giai.company));
        }
        let field = |shift: u32, bits: u32| giai.reference >> shift & ((1 << bits) - 1);
        if field(53, 5) != CCH {
            return Err(FastagError::ClearingHouse(field(53, 5)));
        }
        let issuer = field(33, 20);
        if !(100_000..=999_999).contains(&issuer) {
            return Err(FastagError::Issuer(issuer));
        }
        if field(0, 5) != 0 {
            return Err(FastagError::Reserved(field(0, 5)));
        }
        Ok(Self { issuer: issuer as u32, key: field(25, 8) as u8, serial: field(5, 20) as u32 })
    }

    /// The EPC of this tag; `None` when the issuer has not six digits or the serial more than 20 bits.
    pub fn encode(&self) -> Option<Epc> {
        if !(100_000..=999_999).contains(&self.issuer) || self.serial >> 20 != 0 {
            return None;
        }
        let reference = CCH << 53
            | u64::from(self.issuer) << 33
            | u64::from(self.key) << 25
            | u64::from(self.serial) << 5;
        let company = COUNTRY * 10_000 + IHMCL;
        Giai96 { filter: 0, partition: 5, company, company_digits: 7, reference }.encode().ok()
    }
}

/// The number printed on the tag: issuer, key index, serial.
impl fmt::Display for Fastag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}-{:03}-{:07}", self.issuer, self.key, self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fastag(hex: &str) -> Result<Fastag, FastagError> {
        Fastag::decode(&hex.parse().unwrap())
    }

    #[test]
    fn vectors_give_the_printed_number() {
        for (hex, printed) in [
            ("34161FA8203E7CB202000020", "999001-001-0000001"),
            ("34161FA8203E7CB2305B75E0", "999001-024-0187311"),
            ("34161FA8203E7CB3FFFFFFE0", "999001-255-1048575"),
            ("34161FA8203295CE0F4064E0", "608999-007-0656167"),
            ("34161FA820328DFE163F19C0", "607999-011-0129230"),
            ("34161FA8203E7CB202000040", "999001-001-0000002"),
            ("34161FA8203E7CB205FFFFE0", "999001-002-1048575"),
        ] {
            let tag = fastag(hex).unwrap();
            assert_eq!(tag.to_string(), printed);
            assert_eq!(tag.encode().unwrap().to_string(), hex);
        }
    }

    #[test]
    fn other_tags_are_refused_for_their_first_fault() {
        assert_eq!(fastag("34161FA8203E7CB202000033"), Err(FastagError::Reserved(19)));
        assert_eq!(fastag("3414257BF400000000BC6038"), Err(FastagError::Country(61)));
        assert_eq!(fastag("34361FA8203E7CB202000020"), Err(FastagError::Filter(1)));
        assert!(matches!(
            fastag("E28068940000502C6FE618BB"),
            Err(FastagError::Giai(GiaiError::Header { header: 0xE2 }))
        ));
    }

    proptest! {
        #[test]
        fn every_fastag_reads_back(issuer in 100_000_u32..=999_999, key: u8, serial in 0_u32..1 << 20) {
            let tag = Fastag { issuer, key, serial };
            prop_assert_eq!(Fastag::decode(&tag.encode().unwrap()), Ok(tag));
        }
    }
}
