//! The second factor: time-based one-time codes (RFC 6238), and recovery codes for who has lost the device.

use super::hex;
use super::key::random_bytes;
use anyhow::{Context, anyhow};
use flextraff_common::time::UnixMs;
use ring::digest;
use totp_rs::{Algorithm, Builder, Totp};

/// Bytes of a secret, as RFC 4226 recommends (4).
const SECRET_BYTES: usize = 20;
/// Recovery codes that a user gets.
const RECOVERY_CODES: usize = 10;
/// The name under which the user's device lists the codes.
const ISSUER: &str = "FlexTraff";

/// A new secret for a user's device.
///
/// # Errors
/// When the system gives no randomness.
pub fn new_secret() -> anyhow::Result<Vec<u8>> {
    Ok(random_bytes::<SECRET_BYTES>()?.to_vec())
}

/// One-time codes of a user: six digits every 30 s over SHA-1, which every device knows; the code before and the one after count as well.
pub struct OneTimeCodes(Totp);

impl OneTimeCodes {
    /// The codes of a secret and the name that the device shows.
    ///
    /// # Errors
    /// When the secret is too short.
    pub fn new(secret: &[u8], username: &str) -> anyhow::Result<Self> {
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(30)
            .with_skew(1)
            .with_secret(secret.to_vec())
            .with_issuer(Some(ISSUER))
            .with_account_name(username)
            .build();
        Ok(Self(totp.map_err(|error| anyhow!("{error:?}")).context("one-time codes")?))
    }

    /// The number of the 30 s to which a code belongs; `None` when it is not one of this time.
    pub fn step_of(&self, code: &str, now: UnixMs) -> Option<i64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let step = self.0.check(&digits, u64::try_from(now.0).ok()? / 1000)?;
        i64::try_from(step).ok()
    }

    /// The code at a time.
    pub fn code_at(&self, now: UnixMs) -> String {
        self.0.generate(u64::try_from(now.0).unwrap_or_default() / 1000).to_string()
    }

    /// The secret in base 32, for a device without camera.
    pub fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The address that a device reads from a QR code (Key URI format).
    ///
    /// # Errors
    /// When the name cannot stand in it.
    pub fn uri(&self) -> anyhow::Result<String> {
        self.0.to_url().map_err(|error| anyhow!("{error:?}")).context("address of one-time codes")
    }
}

/// New recovery codes, such as `3f9a-17c2-b4e0`: 48 bits each.
///
/// # Errors
/// When the system gives no randomness.
pub fn new_recovery_codes() -> anyhow::Result<Vec<String>> {
    let code = || {
        let digits = hex(&random_bytes::<6>()?);
        Ok(format!("{}-{}-{}", &digits[..4], &digits[4..8], &digits[8..]))
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// What the database keeps of a recovery code; `None` when the text is none. The codes are random, so that a plain hash hides them as long
/// as nobody can try 2⁴⁸ of them.
pub fn recovery_hash(code: &str) -> Option<[u8; 32]> {
    let digits: String =
        code.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    let right = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    right.then(|| sha256(digits.as_bytes()))
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, cut to six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let codes = OneTimeCodes::new(b"12345678901234567890", "asha").unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(codes.code_at(UnixMs(seconds * 1000)), code);
            assert_eq!(codes.step_of(code, UnixMs(seconds * 1000)), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_counts_half_a_minute_early_and_late() {
        let codes = OneTimeCodes::new(b"12345678901234567890", "asha").unwrap();
        let now = UnixMs(1_111_111_110_000);
        let code = codes.code_at(now);
        for (shift_ms, counts) in [(-30_000, true), (30_000, true), (-60_000, false), (60_000, false)] {
            assert_eq!(codes.step_of(&code, now + shift_ms).is_some(), counts, "{shift_ms}");
        }
        assert!(codes.step_of(&format!(" {} {} ", &code[..3], &code[3..]), now).is_some());
        for wrong in ["", "28708", "2870822", "abcdef", "२८७०८२", "-28708", "\0"] {
            assert_eq!(codes.step_of(wrong, now), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_device_gets_an_address_with_secret_and_name() {
        let codes = OneTimeCodes::new(b"12345678901234567890", "asha@city.example").unwrap();
        let uri = codes.uri().unwrap();
        assert!(uri.starts_with("otpauth://totp/FlexTraff:asha%40city.example?"), "{uri}");
        assert!(uri.contains(&codes.secret()) && uri.contains("issuer=FlexTraff"), "{uri}");
    }

    #[test]
    fn recovery_codes_differ_and_may_be_typed_freely() {
        let codes = new_recovery_codes().unwrap();
        assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), 10);
        let hash = recovery_hash(&codes[0]);
        assert!(hash.is_some());
        assert_eq!(recovery_hash(&format!(" {} ", codes[0].to_uppercase().replace('-', " "))), hash);
        assert_eq!(recovery_hash("3f9a-17c2-b4e"), None);
        assert_eq!(recovery_hash("123456"), None);
    }
}
