//! Key and certificate of this device. `openssl` makes the key here, and only the request for a certificate leaves the machine.

use super::write;
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Certificate and key, one behind the other: in one file, because that is replaced as a whole.
const FILE: &str = "device.pem";
/// The key, while there is no certificate for it.
const PENDING: &str = "device.pem.pending";

/// A new key and the request for its certificate. The certificate that the device had stays until there is another.
pub(super) struct Identity {
    file: PathBuf,
    pending: PathBuf,
    key: String,
    request: String,
    group: u32,
}

impl Identity {
    /// Makes a key and puts it on the disk, so that what can fail has failed before the token is spent.
    pub(super) fn make(folder: &Path, device: &str, group: u32) -> anyhow::Result<Self> {
        let key = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], None)?;
        let pending = folder.join(PENDING);
        write(&pending, &key, group)?;
        // The server says what the certificate names; the subject is for who looks at the request.
        let subject = format!("/CN={device}");
        let mut identity = Self { file: folder.join(FILE), pending, key, request: String::new(), group };
        identity.request =
            openssl(&["req", "-new", "-sha256", "-subj", &subject, "-key"], Some(&identity.pending))?;
        Ok(identity)
    }

    /// The request, PEM.
    pub(super) fn request(&self) -> &str {
        &self.request
    }

    /// Puts certificate and key in the place of those before; the file of both.
    pub(super) fn certify(&self, certificate: &str) -> anyhow::Result<&Path> {
        write(&self.file, &format!("{}\n{}", certificate.trim_end(), self.key), self.group)?;
        Ok(&self.file)
    }
}

impl Drop for Identity {
    /// The key stands beside its certificate, or there is none for it.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.pending);
    }
}

/// What it prints. A key goes by pipe or by file, and never by argument.
fn openssl(arguments: &[&str], file: Option<&Path>) -> anyhow::Result<String> {
    let mut command = Command::new("openssl");
    command.args(arguments).args(file).stdin(Stdio::null());
    let done =
        command.output().context("openssl does not start; install it with: apt-get install openssl")?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!("openssl {} fails: {}", arguments.first().copied().unwrap_or_default(), said.trim());
    }
    String::from_utf8(done.stdout).context("openssl does not print PEM")
}
