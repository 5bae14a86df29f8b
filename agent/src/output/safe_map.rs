//! What `failsafe` needs to know, kept in a small file of its own: with it the lamps can be driven also when the configuration is broken.

use super::{Output, OutputError, open_named};
use crate::config::{Config, Driver, InputConfig, OutputConfig};
use crate::signal::fault_lamps;
use flextraff_common::wire::Aspect;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Name of the file, beside the outbox.
const FILE: &str = "pins.json";
/// Largest file, bytes: 32 groups with every pin need a tenth of it.
const LARGEST: u64 = 64 * 1024;

/// Which pins light what, and what they show on a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafeMap {
    /// Driver and pins.
    pub output: OutputConfig,
    /// Names of the signal groups, in order.
    pub groups: Vec<String>,
    /// Aspect of every group on a fault.
    pub fault: Vec<Aspect>,
}

impl SafeMap {
    /// That of a configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            // What need not work must not keep it from working.
            output: OutputConfig {
                feedback: Vec::new(),
                buttons: Vec::new(),
                input: InputConfig::default(),
                ..config.output.clone()
            },
            groups: config.junction.groups().iter().map(|group| group.name.clone()).collect(),
            fault: fault_lamps(&config.junction),
        }
    }

    /// The file beside an outbox.
    pub fn beside(outbox: &Path) -> PathBuf {
        outbox.with_file_name(FILE)
    }

    /// The lamp pins of this that another configuration does not use any more, with the level at which their lamps are dark: nobody else would
    /// switch off what is lit there. Lines of gpiochip the kernel has let go.
    pub fn left_by(&self, output: &OutputConfig) -> Vec<(u8, bool)> {
        let used = output.all_pins();
        let lasting = self.output.driver == Driver::Rppal;
        let left = self.output.lamp_pins().filter(|pin| lasting && !used.contains(pin));
        left.map(|pin| (pin, !self.output.active_high)).collect()
    }

    /// Opens its output.
    ///
    /// # Errors
    /// As [`super::open`].
    pub fn open(&self) -> Result<Box<dyn Output>, OutputError> {
        open_named(&self.output, &self.groups)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is not there, or is no such file.
    pub fn read(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.len() > LARGEST {
            return Err(io::Error::other("it is too large to be one"));
        }
        let map: Self = serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)?;
        if map.fault.len() != map.groups.len() {
            return Err(io::Error::other("its groups and their aspects do not agree"));
        }
        Ok(map)
    }

    /// Keeps it; durable on return. A file that says the same already is left alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, path: &Path) -> io::Result<()> {
        if Self::read(path).is_ok_and(|kept| kept == *self) {
            return Ok(());
        }
        replace(path, &serde_json::to_vec(self).map_err(io::Error::other)?)
    }
}

/// Switches off what the last good start has lit, by the file beside an outbox, and `output` does not drive any more; which pins those are.
/// `switch_off` sets pins to levels.
///
/// # Errors
/// When they cannot be set.
pub fn switch_off_left(
    outbox: &Path,
    output: &OutputConfig,
    switch_off: impl FnOnce(&[(u8, bool)]) -> Result<(), OutputError>,
) -> Result<Vec<u8>, OutputError> {
    let Ok(kept) = SafeMap::read(&SafeMap::beside(outbox)) else { return Ok(Vec::new()) };
    let left = kept.left_by(output);
    if !left.is_empty() {
        switch_off(&left)?;
    }
    Ok(left.into_iter().map(|(pin, _)| pin).collect())
}

/// Writes a file in such a way that after a power cut either the old or the new one is there.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("json.new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder(path)
}

/// Makes what has happened to a file's name durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::GroupPins;
    use crate::config::sample::two_lanes;

    const fn group(red: u8, amber: u8, green: u8) -> GroupPins {
        GroupPins { red: Some(red), amber: Some(amber), green: Some(green) }
    }

    fn wired(pins: [GroupPins; 2]) -> OutputConfig {
        OutputConfig { driver: Driver::Rppal, pins: pins.to_vec(), ..two_lanes("").output.clone() }
    }

    /// What is set after a start with `kept` where `now` is to be driven.
    fn set(kept: &OutputConfig, now: &OutputConfig) -> Vec<(u8, bool)> {
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = folder.path().join("outbox.sqlite");
        let map = SafeMap { output: kept.clone(), ..SafeMap::of(&two_lanes("")) };
        map.keep(&SafeMap::beside(&outbox)).expect("it is kept");
        let mut set = Vec::new();
        let pins = switch_off_left(&outbox, now, |levels| {
            assert!(!levels.is_empty());
            set.extend_from_slice(levels);
            Ok(())
        });
        assert_eq!(pins.expect("they are set"), set.iter().map(|(pin, _)| *pin).collect::<Vec<_>>());
        set
    }

    #[test]
    fn pins_that_a_new_configuration_has_left_are_switched_off() {
        let before = wired([group(17, 27, 22), group(10, 9, 11)]);
        assert_eq!(set(&before, &before), []);
        let moved = wired([group(17, 27, 24), group(10, 9, 11)]);
        assert_eq!(set(&before, &moved), [(22, false)]);
        let low = OutputConfig { active_high: false, ..before.clone() };
        assert_eq!(set(&low, &moved), [(22, true)], "by the level that was dark when it was lit");
        let lost = OutputConfig { pins: vec![group(17, 27, 24)], ..moved.clone() };
        assert_eq!(set(&before, &lost), [(22, false), (10, false), (9, false), (11, false)]);
        let chip = OutputConfig { driver: Driver::Gpiochip, ..moved.clone() };
        assert_eq!(set(&before, &chip), [(22, false)]);
        assert_eq!(set(&chip, &before), [], "the kernel has let them go");
        let none = OutputConfig { driver: Driver::Virtual, ..before.clone() };
        assert_eq!(set(&before, &none).len(), 6, "nobody drives them any more");
        let sensed = OutputConfig { feedback: vec![group(2, 3, 22), GroupPins::default()], ..moved.clone() };
        assert_eq!(set(&before, &sensed), [], "something else drives it now");
        for taken in [
            OutputConfig { enable_pin: Some(22), ..moved.clone() },
            OutputConfig { identify_pin: Some(22), ..moved.clone() },
            OutputConfig { buttons: vec![None, Some(22)], ..moved.clone() },
            OutputConfig { input: InputConfig { door: Some(22), ..InputConfig::default() }, ..moved },
        ] {
            assert_eq!(set(&before, &taken), []);
        }
    }

    #[test]
    fn without_an_earlier_start_nothing_is_switched_off() {
        let nowhere = Path::new("/nonexistent/outbox.sqlite");
        let now = wired([group(17, 27, 22), group(10, 9, 11)]);
        let pins = switch_off_left(nowhere, &now, |_| panic!("nothing is known to be lit"));
        assert_eq!(pins.expect("nothing is to do"), Vec::<u8>::new());
    }
}
