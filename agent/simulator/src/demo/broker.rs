//! Credentials and rights of the agents on the private broker.

use super::city::City;
use super::files::{append, write};
use super::services::Services;
use anyhow::{Context, Result, bail};
use flextraff_common::ids::JunctionId;
use flextraff_common::wire::topics::{agent_filters, agent_publishes};
use rand::distr::Alphanumeric;
use rand::rngs::OsRng;
use rand::{Rng, TryRngCore};
use rustix::process::{Signal, kill_process};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A secret of letters and digits from the system's randomness.
pub(super) fn secret(length: usize) -> String {
    OsRng.unwrap_err().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

/// Gives each device a user and its rights, and tells the broker. `scratch` is a file for passwords in clear, gone afterwards.
/// Returns the passwords in the order of places.
pub(super) fn admit(city: &City, services: &Services, scratch: &Path) -> Result<Vec<String>> {
    let passwords: Vec<String> = city.places.iter().map(|_| secret(32)).collect();
    let mut users = String::new();
    for (place, password) in city.places.iter().zip(&passwords) {
        writeln!(users, "{}:{password}", place.device)?;
    }
    // The broker's own file holds hashes already: hashing in place is for a file of new users only.
    write(scratch, users.as_bytes())?;
    let hashed = hash(scratch);
    let lines = hashed.and_then(|()| Ok(std::fs::read(scratch)?));
    std::fs::remove_file(scratch).with_context(|| format!("removing {}", scratch.display()))?;
    append(&services.passwords, &lines?)?;
    append(&services.rights, rights(city).as_bytes())?;
    kill_process(services.mosquitto, Signal::HUP)
        .with_context(|| "telling the broker to read its users again".to_owned())?;
    Ok(passwords)
}

fn hash(file: &Path) -> Result<()> {
    let program = find_program("mosquitto_passwd")
        .context("mosquitto_passwd is not installed; it comes with the package mosquitto")?;
    let output = Command::new(program).arg("-U").arg(file).output().context("starting mosquitto_passwd")?;
    if !output.status.success() {
        bail!("mosquitto_passwd failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Finds a program where the shell would, and where Debian keeps those of administrators.
pub(super) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn rights(city: &City) -> String {
    let mut text = String::new();
    for (index, place) in city.places.iter().enumerate() {
        let mut linked: BTreeSet<JunctionId> = BTreeSet::new();
        for link in &city.links {
            if link.from == index {
                linked.insert(city.places[link.to.junction].junction);
            }
            if link.to.junction == index {
                linked.insert(city.places[link.from].junction);
            }
        }
        let linked: Vec<JunctionId> = linked.into_iter().collect();
        let mut line = |text_line: String| {
            text.push_str(&text_line);
            text.push('\n');
        };
        line(format!("\nuser {}", place.device));
        for filter in agent_filters(place.junction, place.device, &linked) {
            line(format!("topic read {filter}"));
        }
        for topic in agent_publishes(place.junction, place.device) {
            line(format!("topic write {topic}"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
