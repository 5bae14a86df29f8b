//! Access tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256 and nothing else.

use super::hex;
use super::key::{SigningKey, random_bytes};
use flextraff_common::ids::UserId;
use flextraff_common::time::UnixMs;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use signature::{Signer, Verifier};
use std::time::Duration;
use uuid::Uuid;

/// Longest token that is looked at, in bytes.
const MOST_BYTES: usize = 4096;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: UserId,
    /// The session: when it ends, its tokens do.
    pub sid: Uuid,
    /// Name of the user when the token was issued; for people who read logs.
    pub name: String,
    /// Seconds since 1970 at which it was issued.
    pub iat: i64,
    /// Seconds since 1970 from which it no longer holds.
    pub exp: i64,
    /// Random name of this token.
    pub jti: String,
}

/// Issues and verifies access tokens.
pub struct Tokens {
    encoding: EncodingKey,
    /// By name, the one that signs first, then those that were in use before.
    decoding: Vec<(String, DecodingKey)>,
    header: Header,
    validation: Validation,
    lifetime_s: i64,
}

impl Tokens {
    /// Tokens under a key, each valid for a time from its issue. Tokens under one of the `previous` keys hold until their end.
    pub fn new(key: &SigningKey, previous: &[SigningKey], lifetime: Duration) -> Self {
        // Another part of the process may have installed it already: it is the same one.
        let _ = RING.install_default();
        let kid = |key: &SigningKey| hex(&digest::digest(&digest::SHA256, key.as_bytes()).as_ref()[..4]);
        let decoding = std::iter::once(key)
            .chain(previous)
            .map(|key| (kid(key), DecodingKey::from_secret(key.as_bytes())))
            .collect();
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked against the caller's clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.leeway = 0;
        Self {
            encoding: EncodingKey::from_secret(key.as_bytes()),
            decoding,
            header: Header { kid: Some(kid(key)), ..Header::new(Algorithm::HS256) },
            validation,
            lifetime_s: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
        }
    }

    /// Issues a token.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn issue(&self, user: UserId, session: Uuid, name: &str, now: UnixMs) -> anyhow::Result<String> {
        let iat = now.0.div_euclid(1000);
        let claims = Claims {
            sub: user,
            sid: session,
            name: name.to_owned(),
            iat,
            exp: iat.saturating_add(self.lifetime_s),
            jti: hex(&random_bytes::<16>()?),
        };
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.encoding)?)
    }

    /// The claims of a token that was signed under one of the keys and has not ended.
    pub fn verify(&self, token: &str, now: UnixMs) -> Option<Claims> {
        if token.len() > MOST_BYTES {
            return None;
        }
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let (_, key) = self.decoding.iter().find(|(name, _)| *name == kid)?;
        let data = jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok()?;
        (now.0 < data.claims.exp.saturating_mul(1000)).then_some(data.claims)
    }
}

/// `jsonwebtoken` over ring's HMAC; every other algorithm is refused before a key is touched.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

struct Hs256(hmac::Key);

impl Hs256 {
    fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, Error> {
        if algorithm != Algorithm::HS256 {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_770_000_000_000);
    const OURS: &[u8] = b"q2Jd81nXv0LkzPw7RtYh3MsB5cUeGaFi9oTx";
    const FOREIGN: &[u8] = b"another key that is long enough 0123456789";

    fn tokens(key: &[u8]) -> Tokens {
        Tokens::new(&signing_key(key), &[], Duration::from_mins(30))
    }

    fn signing_key(key: &[u8]) -> SigningKey {
        SigningKey::new(key).expect("the key is long enough")
    }

    fn issue(tokens: &Tokens) -> String {
        tokens.issue(UserId(Uuid::nil()), Uuid::nil(), "asha", NOW).expect("a token is issued")
    }

    fn ours() -> Tokens {
        tokens(OURS)
    }

    #[test]
    fn a_token_holds_until_its_end_and_not_a_millisecond_longer() {
        let (user, session) = (UserId(Uuid::from_u128(7)), Uuid::from_u128(8));
        let token = ours().issue(user, session, "asha", NOW).unwrap();
        let claims = ours().verify(&token, NOW).unwrap();
        assert_eq!((claims.sub, claims.sid, claims.name.as_str()), (user, session, "asha"));
        assert_eq!(claims.exp - claims.iat, 1800);
        assert!(ours().verify(&token, NOW + 1_799_999).is_some());
        assert!(ours().verify(&token, NOW + 1_800_000).is_none());
        assert_ne!(token, ours().issue(user, session, "asha", NOW).unwrap(), "each token has its own jti");
    }

    #[test]
    fn the_header_names_algorithm_and_key() {
        let token = issue(&ours());
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!((header.alg, header.kid.map(|kid| kid.len())), (Algorithm::HS256, Some(8)));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let token = issue(&ours());
        let (head, signature) = token.rsplit_once('.').unwrap();
        let claims = head.split_once('.').unwrap().1;
        // {"alg":"none","typ":"JWT"} and {"alg":"HS512","typ":"JWT"}
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
        let hs512 = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9";
        for forged in [
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{hs512}.{claims}.{signature}"),
            format!("{head}."),
            format!("{head}.{}", &signature[1..]),
            issue(&tokens(FOREIGN)),
            String::new(),
            "a.b.c".into(),
            "x".repeat(100_000),
        ] {
            assert!(ours().verify(&forged, NOW).is_none(), "{forged:.60}");
        }
    }

    #[test]
    fn a_token_outlives_the_change_of_the_key_and_no_foreign_name_helps() {
        let old = issue(&ours());
        let changed = Tokens::new(&signing_key(FOREIGN), &[signing_key(OURS)], Duration::from_mins(30));
        assert!(changed.verify(&old, NOW).is_some());
        assert!(tokens(FOREIGN).verify(&old, NOW).is_none());
        let new = issue(&changed);
        assert!(changed.verify(&new, NOW).is_some() && ours().verify(&new, NOW).is_none());
        // The header of one key over what the other has signed.
        let (old_head, _) = old.split_once('.').unwrap();
        let (_, new_rest) = new.split_once('.').unwrap();
        assert!(changed.verify(&format!("{old_head}.{new_rest}"), NOW).is_none());
    }
}
