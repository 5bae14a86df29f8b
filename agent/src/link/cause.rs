//! Why a connection failed, in words that name the way out: "what; what to do".

use super::tls::CertificateClock;
use flextraff_common::time::UnixMs;
use rumqttc::{ConnectReturnCode, ConnectionError, StateError};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};
use std::error::Error;
use std::io;

/// One sentence of the form "cause; what to do". `clock`: by what time certificates were judged.
pub(super) fn sentence(error: &ConnectionError, clock: &CertificateClock) -> String {
    if let Some(error) = find::<rustls::Error>(error) {
        return tls(error, clock);
    }
    match error {
        ConnectionError::ConnectionRefused(code) => refused(*code),
        ConnectionError::Io(error) => format!("the broker cannot be reached: {error}; {}", io_way_out(error)),
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            "the broker no longer answers; the network or the broker is down".to_owned()
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "the broker closed the connection; its log says why".to_owned()
        }
        ConnectionError::MqttState(error) => {
            format!("the connection broke: {error}; the network or the broker is down")
        }
        ConnectionError::NetworkTimeout => {
            "the broker did not answer in time; check the network, and that url of [mqtt] names a broker with the right scheme (mqtt or mqtts)".to_owned()
        }
        other => format!("{other}; the log of the broker may say more"),
    }
}

/// Whether the other side has closed the connection, rather than fallen silent.
pub(super) fn is_hang_up(error: &ConnectionError) -> bool {
    let io = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        )
    };
    matches!(error, ConnectionError::MqttState(StateError::ConnectionAborted))
        || find::<io::Error>(error).is_some_and(io)
}

fn refused(code: ConnectReturnCode) -> String {
    match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
            "the broker refuses this user name and password; correct username and password_file of [mqtt], or enrol the device anew at the server"
        }
        ConnectReturnCode::BadClientId => {
            "the broker refuses this device id as client id; allow it at the broker"
        }
        ConnectReturnCode::ServiceUnavailable => "the broker is not available; look at its log",
        _ => "the broker does not speak MQTT 3.1.1; enable that version at the broker",
    }
    .to_owned()
}

fn io_way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there: check url of [mqtt], and whether the broker runs"
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
            "it hung up: check that url of [mqtt] has the right scheme (mqtt or mqtts) and port, and whether the broker asks for cert_file and key_file"
        }
        // The standard library has no kind for this.
        _ if error.to_string().starts_with("failed to lookup address") => {
            "check the host in url of [mqtt], and the name server"
        }
        _ => "check url of [mqtt] and the network",
    }
}

fn tls(error: &rustls::Error, clock: &CertificateClock) -> String {
    use CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            "the broker's certificate comes from an authority that is not trusted; give that authority's certificate as ca_file of [mqtt]".to_owned()
        }
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => {
            "the broker's certificate is for another host name; write the name that it has into url of [mqtt]".to_owned()
        }
        rustls::Error::InvalidCertificate(Certificate::ExpiredContext { not_after, .. }) => {
            format!(
                "the broker's certificate has expired; renew it at the broker: it ended at {}; {}: correct the date if that is wrong",
                date(*not_after),
                clock.in_words()
            )
        }
        rustls::Error::InvalidCertificate(Certificate::NotValidYetContext { not_before, .. }) => {
            format!(
                "the broker's certificate is not valid yet; correct this computer's date: the certificate begins at {}, and {}; it is tried again, so let it reach a time server, or give it a clock with a battery",
                date(*not_before),
                clock.in_words()
            )
        }
        rustls::Error::InvalidCertificate(other) => {
            format!("the broker's certificate is not accepted: {other}; renew it at the broker")
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the broker asks for a certificate of this device; give cert_file and key_file in [mqtt]".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "this device's certificate has expired; put a new one at cert_file of [mqtt]".to_owned()
        }
        rustls::Error::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError),
        ) => {
            format!("the broker does not accept this device's certificate ({alert:?}); give one of the broker's authority as cert_file of [mqtt], with its key as key_file")
        }
        other => format!("the encrypted connection failed: {other}; check that the port of url in [mqtt] is the encrypted one"),
    }
}

fn date(time: UnixTime) -> UnixMs {
    UnixMs(i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 1000).saturating_mul(1000))
}

/// The error of this type among an error and its causes.
fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error skips what it wraps when it is asked for its cause.
        next = match error.downcast_ref::<io::Error>() {
            Some(wrapping) => wrapping.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
