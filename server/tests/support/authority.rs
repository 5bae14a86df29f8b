//! An authority for certificates, as an operator has one for the broker.

use super::certificate::request;
use std::path::{Path, PathBuf};

/// An authority of its own, in a folder.
pub(crate) struct Authority<'a> {
    folder: &'a Path,
    /// Its certificate.
    pub(crate) pem: PathBuf,
    key: PathBuf,
}

impl<'a> Authority<'a> {
    pub(crate) fn make(folder: &'a Path, name: &str) -> Self {
        let (pem, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        request(&pem, &key, &["-subj", &format!("/CN={name}")]);
        Self { folder, pem, key }
    }

    /// A certificate for 127.0.0.1 that it signs, and its key.
    pub(crate) fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let (pem, key) = (self.folder.join(format!("{name}.pem")), self.folder.join(format!("{name}.key")));
        let (ca, ca_key) = (self.pem.to_string_lossy(), self.key.to_string_lossy());
        let subject = format!("/CN={name}");
        let who =
            ["-subj", &subject, "-addext", "subjectAltName=IP:127.0.0.1", "-CA", &ca, "-CAkey", &ca_key];
        request(&pem, &key, &[&who[..], &["-addext", "basicConstraints=critical,CA:FALSE"]].concat());
        (pem, key)
    }
}
