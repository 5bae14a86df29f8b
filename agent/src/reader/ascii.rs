//! A line of hex digits for each read, a mode that nearly every reader has.
//!
//! 24 digits (96 bits) or 32 (128 bits) and CR, LF, both or ETX; perhaps STX before them, spaces between them, all of it printed twice, or other
//! fields beside them, separated by commas (user memory and TID behind, the vehicle's number before). There is no checksum. Where something
//! is stuck to the front of the digits only a FASTag is taken, because its structure says where it begins.

use super::frame::{Candidate, Family, TagFrame};
use flextraff_common::epc::Epc;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
/// Longest line: EPC, user memory of 512 bits, TID, and the number of a vehicle.
const LONGEST: usize = 256;
/// Digits of an EPC of 96 and of 128 bits.
const DIGITS: [usize; 2] = [24, 32];

/// The family.
#[derive(Debug)]
pub(super) struct Ascii;

impl Family for Ascii {
    fn longest(&self) -> usize {
        LONGEST
    }

    fn candidate(&self, bytes: &[u8]) -> Candidate {
        let text = &bytes[usize::from(bytes.first() == Some(&STX))..];
        let Some(end) = text.iter().take(LONGEST).position(|byte| !matches!(byte, b' '..=b'~' | b'\t'))
        else {
            return if bytes.len() < LONGEST { Candidate::Unfinished } else { Candidate::NOTHING };
        };
        let skipped = bytes.len() - text.len() + end;
        match text[end] {
            // The end of the one before, as in CR LF, or an empty line.
            b'\r' | b'\n' | ETX if text[..end].iter().all(u8::is_ascii_whitespace) => {
                Candidate::frame(skipped + 1, Some(Vec::new()))
            }
            b'\r' | b'\n' | ETX => match epc(&text[..end]) {
                Some(epc) => {
                    Candidate::frame(skipped + 1, Some(vec![TagFrame { epc, port: None, rssi: None }]))
                }
                // The rest of a line that is no EPC might look like one, so all of it goes.
                None => Candidate::Skip { bytes: skipped + 1, bad: true },
            },
            // A line begins here.
            STX if skipped > 0 => Candidate::Skip { bytes: skipped, bad: false },
            _ => Candidate::Skip { bytes: skipped + 1, bad: false },
        }
    }
}

/// The first EPC of a line.
fn epc(line: &[u8]) -> Option<Epc> {
    let mut fields = line.split(|byte| matches!(byte, b',' | b';' | b'\t'));
    fields.find_map(|field| {
        let text: Vec<u8> = field.iter().copied().filter(|byte| *byte != b' ').collect();
        let digits = text.rsplit(|byte| !byte.is_ascii_hexdigit()).next()?;
        let is_alone = digits.len() == text.len();
        ending(digits).or_else(|| once(digits).filter(|_| is_alone))
    })
}

/// Digits that are an EPC, or an EPC printed twice.
fn once(digits: &[u8]) -> Option<Epc> {
    let (first, second) = digits.split_at(digits.len() / 2);
    if DIGITS.contains(&digits.len()) {
        parsed(digits)
    } else if DIGITS.contains(&first.len()) && first.eq_ignore_ascii_case(second) {
        parsed(first)
    } else {
        None
    }
}

/// A FASTag at the end of the digits.
fn ending(digits: &[u8]) -> Option<Epc> {
    let start = digits.len().checked_sub(DIGITS[0])?;
    parsed(&digits[start..]).filter(Epc::is_fastag)
}

fn parsed(digits: &[u8]) -> Option<Epc> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
