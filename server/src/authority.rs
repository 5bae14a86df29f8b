//! The city's own authority, which issues the certificates with which devices show the broker who they are.
//!
//! A certificate names its device and its own serial number. The broker takes that as user name, so that the certificates of a device can be told
//! apart: the one of a machine that was replaced ends, and the new one holds. The private key of a device is made on the device and stays there.

use crate::auth::{hex, random_bytes};
use crate::config::Devices;
use anyhow::{Context as _, anyhow, bail, ensure};
use chrono::{DateTime, Datelike as _, TimeDelta, TimeZone as _, Utc};
use flextraff_common::ids::DeviceId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SerialNumber,
};
use std::path::Path;

/// Name of an authority that [`make`] makes.
const NAME: &str = "FlexTraff devices";
/// How long the certificate of the authority holds, days: longer than any that it issues.
const AUTHORITY_DAYS: i64 = 60 * 365;
/// The clock of the broker may be so far behind.
const EARLIER: TimeDelta = TimeDelta::hours(1);
/// Bytes of a serial number: user names at the broker stay within the 64 characters of a common name (RFC 5280, A.1).
const SERIAL_BYTES: usize = 10;
/// An uncompressed point of P-256 (SEC 1, 2.3.3).
const P256_POINT_BYTES: usize = 65;

/// Certificate and private key, both PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key (PKCS #8).
    pub key: String,
}

/// Serial number of a certificate: 20 hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serial(String);

/// A request for a certificate whose sender has the private key.
#[derive(Debug)]
pub struct Request(CertificateSigningRequestParams);

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// It cannot be read.
    #[error("csr is no request for a certificate; send one in PEM (PKCS #10)")]
    Unreadable,
    /// Its sender does not have the key.
    #[error("the signature of csr is wrong; sign the request with the key that it names")]
    WrongSignature,
    /// Its key is of another kind.
    #[error("the key of csr is none on the curve P-256, signed with SHA-256; make such a one")]
    OtherKey,
    /// It asks for what cannot even be read.
    #[error("csr asks for extensions; leave them out, the server decides on them")]
    Extensions,
}

/// Something that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its last moment.
    pub not_after: DateTime<Utc>,
}

/// The authority: its certificate and key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The last moment of its own certificate.
    not_after: DateTime<Utc>,
}

/// User name at the broker of whoever shows a certificate; also the common name in it.
pub fn user_name(device: DeviceId, serial: &str) -> String {
    format!("{device}.{serial}")
}

impl Serial {
    /// A new one: 78 random bits, where 64 must be (RFC 5280, 4.1.2.2; CA/Browser Forum, 7.1).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> anyhow::Result<Self> {
        let mut bytes = random_bytes::<SERIAL_BYTES>()?;
        // Positive, and always of the same length.
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Ok(Self(hex(&bytes)))
    }

    /// Its digits.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn number(&self) -> SerialNumber {
        let digits = self.0.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
        let bytes: Vec<u8> = digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
        SerialNumber::from_slice(&bytes)
    }
}

impl Request {
    /// Reads a request. Of what it says only the key counts, and that its sender has it.
    ///
    /// # Errors
    /// A sentence for who has sent it.
    pub fn read(pem: &str) -> Result<Self, BadRequest> {
        let request = CertificateSigningRequestParams::from_pem(pem).map_err(|error| match error {
            rcgen::Error::InvalidCertificationRequestSignature => BadRequest::WrongSignature,
            rcgen::Error::UnsupportedExtension => BadRequest::Extensions,
            rcgen::Error::UnsupportedSignatureAlgorithm => BadRequest::OtherKey,
            _ => BadRequest::Unreadable,
        })?;
        // A key on another curve may have signed with the same digest.
        let key = &request.public_key;
        if key.algorithm() != &PKCS_ECDSA_P256_SHA256 || key.der_bytes().len() != P256_POINT_BYTES {
            return Err(BadRequest::OtherKey);
        }
        Ok(Self(request))
    }
}

/// Makes an authority.
///
/// # Errors
/// When the system gives no randomness.
pub fn make(now: DateTime<Utc>) -> anyhow::Result<Pair> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("cannot make a key")?;
    let mut params = named(NAME);
    params.serial_number = Some(Serial::random()?.number());
    hold(&mut params, now - EARLIER, now + TimeDelta::days(AUTHORITY_DAYS));
    // It signs certificates of devices and no other authority.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).context("cannot sign the certificate")?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

impl Authority {
    /// The one that the configuration names; `None`: it names none.
    ///
    /// # Errors
    /// Which file is wrong, and the way out.
    pub fn open(devices: &Devices) -> anyhow::Result<Option<Self>> {
        let (Some(cert_file), Some(key_file)) = (&devices.ca_cert_file, &devices.ca_key_file) else {
            return Ok(None);
        };
        let read = |name: &str, file: &Path| {
            std::fs::read_to_string(file).with_context(|| format!("[devices] {name} {}", file.display()))
        };
        let pair =
            Pair { certificate: read("ca_cert_file", cert_file)?, key: read("ca_key_file", key_file)? };
        let authority = Self::read(&pair).with_context(|| {
            format!("[devices] ca_cert_file {} and ca_key_file {}", cert_file.display(), key_file.display())
        })?;
        Ok(Some(authority))
    }

    /// Reads certificate and key, and sees that they belong together.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(pair: &Pair) -> anyhow::Result<Self> {
        // The reasons of the library may repeat what it was given.
        let key =
            KeyPair::from_pem(&pair.key).map_err(|_| anyhow!("the key cannot be read; give a PEM file"))?;
        let (_, pem) = x509_parser::pem::parse_x509_pem(pair.certificate.as_bytes())
            .map_err(|_| anyhow!("the certificate cannot be read; give a PEM file"))?;
        let certificate = pem.parse_x509().context("the certificate cannot be read")?;
        ensure!(certificate.is_ca(), "the certificate is none of an authority");
        if certificate.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
            bail!("the key is not the one of the certificate; give both of one authority");
        }
        let not_after = Utc
            .timestamp_opt(certificate.validity().not_after.timestamp(), 0)
            .single()
            .context("the certificate ends at no time")?;
        let issuer =
            Issuer::from_ca_cert_pem(&pair.certificate, key).context("the certificate cannot be used")?;
        Ok(Self { issuer, not_after })
    }

    /// The last moment at which what it has issued can hold.
    pub fn not_after(&self) -> DateTime<Utc> {
        self.not_after
    }

    /// Issues the certificate of a device, for so many days from `now`; it ends at a midnight (UTC), and with the authority at the latest.
    ///
    /// # Errors
    /// When the authority has expired, or its key cannot sign.
    pub fn issue(
        &self,
        request: &Request,
        device: DeviceId,
        serial: &Serial,
        days: u32,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Issued> {
        let mut params = named(&user_name(device, serial.text()));
        params.serial_number = Some(serial.number());
        hold(&mut params, now - EARLIER, (now + TimeDelta::days(days.into())).min(self.not_after));
        let not_after = Utc.timestamp_opt(params.not_after.unix_timestamp(), 0).single();
        let not_after = not_after.filter(|end| *end > now);
        let not_after =
            not_after.context("the authority of [devices] ca_cert_file has expired; make a new one")?;
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params
            .signed_by(&request.0.public_key, &self.issuer)
            .context("the authority of [devices] ca_cert_file cannot sign")?;
        Ok(Issued { certificate: certificate.pem(), not_after })
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// From the midnight before the first until the midnight before the last moment (UTC).
fn hold(params: &mut CertificateParams, from: DateTime<Utc>, until: DateTime<Utc>) {
    let midnight = |at: DateTime<Utc>| rcgen::date_time_ymd(at.year(), at.month() as u8, at.day() as u8);
    (params.not_before, params.not_after) = (midnight(from), midnight(until));
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const DEVICE: DeviceId = DeviceId(Uuid::from_u128(5));

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn request(ask: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = named("somebody else");
        ask(&mut params);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        params.serialize_request(&key).unwrap().pem().unwrap()
    }

    #[test]
    fn a_certificate_names_its_device_and_serves_a_client_whatever_was_asked_for() {
        let now = at("2026-04-02T00:20:00Z");
        let authority = Authority::read(&make(now).unwrap()).unwrap();
        let asked = request(|params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        });
        let serial = Serial::random().unwrap();
        let issued = authority.issue(&Request::read(&asked).unwrap(), DEVICE, &serial, 3650, now).unwrap();
        assert_eq!(issued.not_after, at("2036-03-30T00:00:00Z"));
        let (_, pem) = x509_parser::pem::parse_x509_pem(issued.certificate.as_bytes()).unwrap();
        let found = pem.parse_x509().unwrap();
        assert_eq!(found.subject().to_string(), format!("CN={DEVICE}.{}", serial.text()));
        assert_eq!(found.raw_serial_as_string().replace(':', ""), serial.text());
        assert!(!found.is_ca());
        let usage = found.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth && !usage.any);
        let usage = found.key_usage().unwrap().unwrap().value;
        assert!(usage.digital_signature() && !usage.key_cert_sign());
        // Half an hour before midnight on a clock that is behind.
        assert_eq!(found.validity().not_before.timestamp(), at("2026-04-01T00:00:00Z").timestamp());
        assert!(user_name(DEVICE, serial.text()).len() <= 64, "longest common name");
    }

    #[test]
    fn nothing_outlives_the_authority_and_an_expired_one_issues_nothing() {
        let made = at("2026-04-02T12:00:00Z");
        let authority = Authority::read(&make(made).unwrap()).unwrap();
        let request = Request::read(&request(|_| ())).unwrap();
        let issue = |now| authority.issue(&request, DEVICE, &Serial::random().unwrap(), 20_000, now);
        assert!(issue(made).unwrap().not_after < authority.not_after());
        let late = authority.not_after() - TimeDelta::days(10);
        assert_eq!(issue(late).unwrap().not_after, authority.not_after());
        let error = issue(authority.not_after() + TimeDelta::seconds(1)).unwrap_err();
        assert!(error.to_string().contains("has expired"), "{error}");
    }

    #[test]
    fn serials_have_one_length_and_differ() {
        let serials: Vec<Serial> = (0..64).map(|_| Serial::random().unwrap()).collect();
        for (number, serial) in serials.iter().enumerate() {
            assert_eq!((serial.text().len(), serial.number().len()), (20, 10));
            assert!(!serials[..number].contains(serial));
        }
    }

    #[test]
    fn what_is_no_request_or_not_signed_by_its_key_is_refused() {
        let good = request(|_| ());
        // The requests of two keys: the body of one with the signature of the other.
        let forged = good.replacen(&good[60..64], "AAAA", 1);
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let other = named("x").serialize_request(&other).unwrap().pem().unwrap();
        let strange = request(|params| {
            let oid = [1, 3, 6, 1, 4, 1, 99_999, 1];
            params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&oid, vec![5, 0])];
        });
        for (text, error) in [
            ("", BadRequest::Unreadable),
            (
                "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
                BadRequest::Unreadable,
            ),
            (&forged, BadRequest::WrongSignature),
            (&other, BadRequest::OtherKey),
            (&strange, BadRequest::Extensions),
        ] {
            assert_eq!(Request::read(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn certificate_and_key_must_belong_together_and_to_an_authority() {
        let now = at("2026-04-02T12:00:00Z");
        let (pair, other) = (make(now).unwrap(), make(now).unwrap());
        let why = |pair: &Pair| Authority::read(pair).err().unwrap().to_string();
        assert!(why(&Pair { key: other.key, ..pair.clone() }).contains("not the one of the certificate"));
        assert!(why(&Pair { key: "secret".into(), ..pair.clone() }).contains("the key cannot be read"));
        assert!(
            why(&Pair { certificate: "x".into(), ..pair.clone() }).contains("certificate cannot be read")
        );
        let device = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = named("x").self_signed(&device).unwrap().pem();
        assert!(why(&Pair { certificate, key: device.serialize_pem() }).contains("none of an authority"));
    }
}
