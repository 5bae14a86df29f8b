//! Certificates as an operator makes them.

use std::path::Path;
use std::process::Command;

/// A certificate for `localhost` that vouches for itself, and its key.
pub(crate) fn make_certificate(cert: &Path, key: &Path) {
    let who = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    request(cert, key, &[&who[..], &["-addext", "basicConstraints=critical,CA:FALSE"]].concat());
}

/// A new key, and a certificate for it as `more` has it.
pub(crate) fn request(pem: &Path, key: &Path, more: &[&str]) {
    let new =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let made =
        Command::new("openssl").args(new).args(more).arg("-out").arg(pem).arg("-keyout").arg(key).output();
    let made = made.expect("openssl is installed");
    assert!(made.status.success(), "{made:?}");
}
