//! Electronic Product Codes as UHF tags carry them, and the structure of FASTag, India's toll tag.
//!
//! A FASTag holds a GS1 GIAI-96 (GS1 EPC Tag Data Standard 2.1, section 14.6.5) whose company prefix is that of the Indian Highways
//! Management Company and whose individual asset reference is cut into clearing house, issuer, key index and serial number.

mod fastag;
mod giai;
mod keyed;

pub use fastag::{Fastag, FastagError};
pub use giai::{Giai96, GiaiError};
pub use keyed::{KeyedError, KeyedTag, TagKey};

use std::fmt;
use std::str::FromStr;

/// An EPC: 1 to 32 bytes, usually 12.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epc {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Epc {
    /// Most bytes that are kept of any tag; its hex then fits into the 64 characters of the wire format.
    pub const MAX: usize = 32;

    /// An EPC of 1 to [`Epc::MAX`] bytes; `None` for any other length.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > Self::MAX {
            return None;
        }
        let mut epc = Self { bytes: [0; Self::MAX], len: bytes.len() as u8 };
        epc.bytes[..bytes.len()].copy_from_slice(bytes);
        Some(epc)
    }

    /// Its bytes, first transmitted first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether it has the structure of a FASTag.
    pub fn is_fastag(&self) -> bool {
        Fastag::decode(self).is_ok()
    }
}

/// Upper-case hex, two digits a byte.
impl fmt::Display for Epc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.as_bytes() {
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Epc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epc({self})")
    }
}

/// A text that is no EPC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no EPC; write 2 to 64 hex digits, an even number of them")]
pub struct EpcError {
    text: String,
}

impl FromStr for Epc {
    type Err = EpcError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || EpcError { text: text.chars().take(80).collect() };
        if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        let digits: Vec<u8> = text.bytes().map(hex_value).collect();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        Self::new(&bytes).ok_or_else(error)
    }
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hex_reads_back_in_upper_case() {
        let epc: Epc = "34161fa8203e7cb202000020".parse().unwrap();
        assert_eq!(epc.to_string(), "34161FA8203E7CB202000020");
        assert_eq!(epc.as_bytes().len(), 12);
    }

    #[test]
    fn what_is_no_hex_is_refused() {
        for text in ["", "3", "34161", "EPC123456", "é0", &"00".repeat(33)] {
            assert!(text.parse::<Epc>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_read_back(bytes in prop::collection::vec(any::<u8>(), 1..=Epc::MAX)) {
            let epc = Epc::new(&bytes).unwrap();
            prop_assert_eq!(epc.to_string().parse::<Epc>().unwrap(), epc);
        }
    }
}
