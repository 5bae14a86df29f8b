//! `flextraff-agent enroll`: spends a one-time token at the server for this device's login at the broker, a password or a certificate.
//!
//! `curl` and `openssl`, which every Raspberry Pi OS has, speak to the server and make the key: an own HTTP client would be a tenth of the program
//! for one request in a device's life.

mod identity;

use super::{FAILED, USAGE, complain, load_site, print};
use crate::config::{Config, OVERRIDES};
use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use identity::Identity;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use uuid::Uuid;

/// What the command writes, in [`OVERRIDES`].
const FILE: &str = "50-broker.toml";
/// Longest line that is taken for a token, bytes.
const LONGEST_TOKEN: u64 = 1024;
/// Longest that the server may take, seconds.
const PATIENCE_S: u32 = 30;

#[derive(Debug, Args)]
pub(super) struct EnrollArgs {
    /// Address of the server, as in https://traffic.example.org
    #[arg(long, value_name = "URL")]
    server: String,
    /// PEM file of the authority that has signed the server's certificate, where it is none of the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Ask for a certificate instead of a password; its private key is made here and does not leave this machine
    #[arg(long)]
    certificate: bool,
}

/// What the server answers to a token.
#[derive(Debug, Deserialize)]
struct Enrolled {
    device_id: Uuid,
    junction_id: Uuid,
    mqtt: Login,
    certificate: Option<Certificate>,
    ca_pem: Option<String>,
    active: bool,
}

#[derive(Debug, Deserialize)]
struct Login {
    url: Option<String>,
    username: String,
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Certificate {
    pem: String,
    until: String,
}

/// What is written for the agent to read.
#[derive(Serialize)]
struct Written<'a> {
    mqtt: WrittenLogin<'a>,
}

#[derive(Serialize)]
struct WrittenLogin<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<&'a Path>,
}

pub(super) fn run(path: &Path, args: &EnrollArgs) -> u8 {
    let config = match load_site(path) {
        Ok(config) => config,
        Err(code) => return code,
    };
    if let Err(why) = is_safe(&args.server) {
        complain(&why);
        return USAGE;
    }
    match enroll(&config, path, args) {
        Ok(text) => print(&text),
        Err(error) => {
            complain(&format!("{error:#}"));
            FAILED
        }
    }
}

/// The token and the password that comes for it go over the network: in plain only within this machine.
fn is_safe(server: &str) -> Result<(), String> {
    let host = |rest: &str| rest.split(['/', ':']).next().unwrap_or_default().to_owned();
    let is_own = |rest: &str| ["localhost", "127.0.0.1"].contains(&host(rest).as_str());
    match server.split_once("://") {
        Some(("https", rest)) if !host(rest).is_empty() => Ok(()),
        Some(("http", rest)) if is_own(rest) => Ok(()),
        Some(("http", _)) => {
            Err("--server: over http:// anybody on the way could read the password; use https://".to_owned())
        }
        _ => Err(format!("--server: {server:?} is no address such as https://traffic.example.org")),
    }
}

fn enroll(config: &Config, path: &Path, args: &EnrollArgs) -> anyhow::Result<String> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    // Asked first: the token works once.
    let group = may_write(folder)?;
    let identity = if args.certificate {
        Some(Identity::make(folder, &config.device.to_string(), group)?)
    } else {
        None
    };
    let answer = ask(args, &token()?, identity.as_ref().map(Identity::request))?;
    let ours = (config.junction.id.0, config.device.0);
    if (answer.junction_id, answer.device_id) != ours {
        bail!(
            "the token was for device {} at junction {}, and {} says device {} at junction {}: correct the file, and let the server make a new token",
            answer.device_id,
            answer.junction_id,
            path.display(),
            ours.1,
            ours.0
        );
    }
    let url = answer.mqtt.url.as_deref().context(
        "the server does not know by which address devices reach the broker: set mqtt.device_url there, and let it make a new token",
    )?;
    let password_file = folder.join("mqtt-password");
    let ca = answer.ca_pem.as_ref().map(|_| folder.join("ca.pem"));
    if let (Some(file), Some(pem)) = (&ca, &answer.ca_pem) {
        write(file, pem, group)?;
    }
    let mut login = WrittenLogin {
        url,
        username: None,
        password_file: None,
        cert_file: None,
        key_file: None,
        ca_file: ca.as_deref(),
    };
    match (&identity, &answer.certificate, &answer.mqtt.password) {
        (Some(identity), Some(certificate), _) => {
            let file = identity.certify(&certificate.pem)?;
            (login.cert_file, login.key_file) = (Some(file), Some(file));
        }
        (None, _, Some(password)) => {
            write(&password_file, &format!("{password}\n"), group)?;
            (login.username, login.password_file) =
                (Some(answer.mqtt.username.as_str()), Some(password_file.as_path()));
        }
        _ => bail!("{} does not answer like a FlexTraff server", args.server),
    }
    let mut text = "# Written by flextraff-agent enroll.\n".to_owned();
    text += &toml::to_string(&Written { mqtt: login }).context("cannot write TOML")?;
    let file = folder.join(OVERRIDES).join(FILE);
    write(&file, &text, group)?;
    let mut told = format!("{} has the login at {url}; reload or start the agent", file.display());
    if let Some(certificate) = &answer.certificate {
        let _ = write!(told, ". Its certificate holds until {}", certificate.until);
    }
    if !answer.active {
        let _ = write!(
            told,
            ". The broker does not know it yet: it will when the server reaches the broker again"
        );
    }
    Ok(told)
}

/// Whether the folder of the configuration can be written; its group, which may read what is written.
fn may_write(folder: &Path) -> anyhow::Result<u32> {
    let overrides = folder.join(OVERRIDES);
    fs::create_dir_all(&overrides)
        .with_context(|| format!("{} cannot be made; run this as root", overrides.display()))?;
    let probe = overrides.join(".enroll");
    fs::write(&probe, "")
        .with_context(|| format!("{} cannot be written; run this as root", overrides.display()))?;
    let _ = fs::remove_file(&probe);
    Ok(fs::metadata(folder).with_context(|| folder.display().to_string())?.gid())
}

/// The first line of standard input.
fn token() -> anyhow::Result<String> {
    complain("One-time token of the device, then Enter:");
    let mut line = String::new();
    std::io::stdin().lock().take(LONGEST_TOKEN).read_line(&mut line).context("the token cannot be read")?;
    let token = line.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("the first line of standard input is no token");
    }
    Ok(token.to_owned())
}

/// The token stands neither in an argument list nor in a file: curl reads its options from standard input.
fn ask(args: &EnrollArgs, token: &str, csr: Option<&str>) -> anyhow::Result<Enrolled> {
    let body = serde_json::json!({ "token": token, "csr": csr }).to_string();
    let address = format!("{}/api/devices/enroll", args.server.trim_end_matches('/'));
    let mut options = format!(
        "url = {}\ndata = {}\nheader = \"Content-Type: application/json\"\nsilent\nshow-error\nmax-time = {PATIENCE_S}\n\
         write-out = \"\\n%{{http_code}}\"\n",
        quoted(&address),
        quoted(&body)
    );
    if let Some(file) = &args.ca_file {
        let _ = writeln!(options, "cacert = {}", quoted(&file.display().to_string()));
    }
    let mut curl = Command::new("curl")
        .args(["--config", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("curl does not start; install it with: apt-get install curl")?;
    if let Some(mut stdin) = curl.stdin.take() {
        stdin.write_all(options.as_bytes()).context("curl takes no options")?;
    }
    let done = curl.wait_with_output().context("curl has no answer")?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!("{address} cannot be reached: {}", said.trim().trim_start_matches("curl: "));
    }
    let answer = String::from_utf8_lossy(&done.stdout);
    let (body, status) = answer.rsplit_once('\n').unwrap_or_default();
    if status != "200" {
        return Err(refusal(status, body));
    }
    serde_json::from_str(body).with_context(|| format!("{address} does not answer like a FlexTraff server"))
}

/// The server's own sentence, where it has one.
fn refusal(status: &str, body: &str) -> anyhow::Error {
    let problem: Option<serde_json::Value> = serde_json::from_str(body).ok();
    match problem.as_ref().and_then(|problem| problem["detail"].as_str()) {
        Some(detail) => anyhow!("the server refuses: {detail}"),
        None => anyhow!("the server refuses with status {status}"),
    }
}

/// As curl reads strings in its configuration.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

/// Writes a file that only its owner and the group may read; all of it or nothing.
fn write(file: &Path, text: &str, group: u32) -> anyhow::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let write = || {
        // One of an attempt before this one may have other rights.
        let _ = fs::remove_file(&new);
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&new)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        // Who is not root and not in that group keeps his own.
        let _ = std::os::unix::fs::chown(&new, None, Some(group));
        fs::rename(&new, file)
    };
    write().with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_in_plain_only_within_this_machine() {
        for server in [
            "https://traffic.example.org",
            "https://10.0.0.1:8443/",
            "http://localhost:8000",
            "http://127.0.0.1",
        ] {
            assert_eq!(is_safe(server), Ok(()), "{server}");
        }
        for server in
            ["http://traffic.example.org", "http://127.0.0.1.example.org", "http://localhost.example.org:80"]
        {
            assert!(is_safe(server).is_err_and(|why| why.contains("anybody")), "{server}");
        }
        for server in ["", "traffic.example.org", "ftp://localhost", "https://", "file:///etc/passwd"] {
            assert!(is_safe(server).is_err_and(|why| why.contains("no address")), "{server}");
        }
    }

    #[test]
    fn curl_reads_back_what_is_quoted() {
        assert_eq!(quoted(r#"{"token": "a\b"}"#), r#""{\"token\": \"a\\b\"}""#);
    }
}
