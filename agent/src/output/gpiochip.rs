//! Lines of a Linux GPIO character device: any board that the kernel knows.

use super::{Lines, OutputError, Pins};
use gpiocdev::Request;
use gpiocdev::chip::{Chip, chips};
use gpiocdev::line::{Bias, Offset, Value, Values};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Name under which the kernel lists the lines that are in use.
pub const CONSUMER: &str = "flextraff-agent";

/// Labels of the chips behind the 40-pin header: Raspberry Pi up to 3, 4, 5. Their device file differs with kernel and model.
const HEADER_LABELS: [&str; 3] = ["pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"];

/// Why lines of a chip cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it means")]
pub enum ChipError {
    #[error(
        "this machine has no GPIO character device (/dev/gpiochip*); use [output] driver = \"virtual\" on a machine without lamps"
    )]
    None,
    #[error("there is no chip \"{wanted}\"; name one of these as chip in [output]: {there}")]
    Unknown { wanted: String, there: String },
    #[error(
        "no chip of this machine is that of a Raspberry Pi's header; name one of these as chip in [output]: {there}"
    )]
    NoHeader { there: String },
    #[error("{} may not be opened; add the service's user to the group gpio", path.display())]
    Permission { path: PathBuf },
    #[error("{} is no GPIO character device; name another chip in [output]", path.display())]
    NoChip { path: PathBuf },
    #[error("{} has no line {line} ({lines} lines, counted from 0), which is {user}; correct its pins", path.display())]
    NoLine { path: PathBuf, line: u8, lines: u32, user: String },
    #[error(
        "line {line} of {} ({user}) is used by \"{by}\"; end that, or take another line",
        path.display()
    )]
    Busy { path: PathBuf, line: u8, user: String, by: String },
    #[error("the lines of {} cannot be {what}: {cause}", path.display())]
    Failed { path: PathBuf, what: &'static str, cause: String },
}

/// Lines of a chip, outputs in one request and inputs in another. The kernel makes them inputs again when this process ends, whatever ends it:
/// the wiring must make that safe.
#[derive(Debug)]
pub struct GpiochipLines {
    path: PathBuf,
    outputs: Request,
    inputs: Option<Request>,
    input_lines: Vec<Offset>,
}

/// What a chip says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundChip {
    /// Device file.
    pub path: PathBuf,
    /// Its label.
    pub label: String,
    /// How many lines it has.
    pub lines: u32,
}

impl GpiochipLines {
    /// Takes the lines; the kernel sets each output's level before it makes it an output.
    ///
    /// # Errors
    /// [`OutputError::Chip`].
    pub fn open(chip: Option<&str>, pins: &Pins) -> Result<Self, OutputError> {
        let chip = find_chip(chip)?;
        let outputs = pins.outputs();
        let inputs = pins.inputs();
        let users = outputs.iter().map(|(user, _)| user).chain(inputs.iter().map(|(user, _)| user));
        if let Some((line, user)) = users.clone().find(|(line, _)| u32::from(*line) >= chip.lines) {
            let (line, user, lines) = (*line, user.clone(), chip.lines);
            return Err(ChipError::NoLine { path: chip.path, line, lines, user }.into());
        }
        let why = |error: &gpiocdev::Error| match first_busy(&chip.path, users.clone()) {
            Some(busy) if is(error, ErrorKind::ResourceBusy) => busy,
            _ => explain(&chip.path, "requested", error),
        };
        let levels: Values =
            outputs.iter().map(|((line, _), high)| (Offset::from(*line), level(*high))).collect();
        let request = Request::builder()
            .on_chip(&chip.path)
            .with_consumer(CONSUMER)
            .with_output_lines(&levels)
            .request()
            .map_err(|error| why(&error))?;
        let input_lines: Vec<Offset> = inputs.iter().map(|((line, _), _)| Offset::from(*line)).collect();
        let inputs = (!input_lines.is_empty()).then(|| {
            let mut builder = Request::builder();
            builder.on_chip(&chip.path).with_consumer(CONSUMER);
            for ((line, _), floats_high) in &inputs {
                let bias = if *floats_high { Bias::PullUp } else { Bias::PullDown };
                builder.with_line(Offset::from(*line)).as_input().with_bias(bias);
            }
            builder.request()
        });
        let inputs = inputs.transpose().map_err(|error| why(&error))?;
        Ok(Self { path: chip.path, outputs: request, inputs, input_lines })
    }
}

impl Lines for GpiochipLines {
    fn write(&mut self, levels: &[(u8, bool)]) -> Result<(), OutputError> {
        let values: Values = levels.iter().map(|(line, high)| (Offset::from(*line), level(*high))).collect();
        let written = self.outputs.set_values(&values);
        Ok(written.map_err(|error| explain(&self.path, "set", &error))?)
    }

    fn read(&mut self) -> Result<Vec<bool>, OutputError> {
        let Some(inputs) = &self.inputs else { return Ok(Vec::new()) };
        let mut values = Values::from_offsets(&self.input_lines);
        inputs.values(&mut values).map_err(|error| explain(&self.path, "read", &error))?;
        let levels = self.input_lines.iter().map(|line| values.get(*line) == Some(Value::Active));
        Ok(levels.collect())
    }
}

fn level(high: bool) -> Value {
    if high { Value::Active } else { Value::Inactive }
}

/// Finds a chip by device file or label; without either that of a Raspberry Pi's header.
///
/// # Errors
/// When there is none, with those that there are.
pub fn find_chip(wanted: Option<&str>) -> Result<FoundChip, ChipError> {
    if let Some(path) = wanted.filter(|wanted| wanted.starts_with('/')) {
        return look_at(Path::new(path));
    }
    let paths = chips().map_err(|error| explain(Path::new("/dev"), "listed", &error))?;
    let found: Result<Vec<FoundChip>, ChipError> = paths.iter().map(|path| look_at(path)).collect();
    choose(wanted, found?)
}

fn choose(wanted: Option<&str>, chips: Vec<FoundChip>) -> Result<FoundChip, ChipError> {
    if chips.is_empty() {
        return Err(ChipError::None);
    }
    let there: Vec<String> =
        chips.iter().map(|chip| format!("\"{}\" ({})", chip.label, chip.path.display())).collect();
    let there = there.join(", ");
    let fits = |chip: &FoundChip| match wanted {
        Some(label) => chip.label == label,
        None => HEADER_LABELS.contains(&chip.label.as_str()),
    };
    chips.into_iter().find(fits).ok_or_else(|| match wanted {
        Some(wanted) => ChipError::Unknown { wanted: wanted.to_owned(), there },
        None => ChipError::NoHeader { there },
    })
}

fn look_at(path: &Path) -> Result<FoundChip, ChipError> {
    let chip = Chip::from_path(path).map_err(|error| explain(path, "opened", &error))?;
    let info = chip.info().map_err(|error| explain(path, "opened", &error))?;
    Ok(FoundChip { path: chip.path().to_owned(), label: info.label, lines: info.num_lines })
}

/// Who uses lines of a chip that somebody else wants, line by line; asks the kernel and takes none.
///
/// # Errors
/// When the chip cannot be asked.
pub fn line_users<'a>(
    path: &Path,
    lines: impl Iterator<Item = &'a (u8, String)>,
) -> Result<Vec<(u8, String, String)>, ChipError> {
    let failed = |error: &gpiocdev::Error| explain(path, "looked at", error);
    let chip = Chip::from_path(path).map_err(|error| failed(&error))?;
    let mut users = Vec::new();
    for (line, user) in lines {
        let info = chip.line_info(Offset::from(*line)).map_err(|error| failed(&error))?;
        if info.used {
            users.push((*line, user.clone(), info.consumer));
        }
    }
    Ok(users)
}

fn first_busy<'a>(path: &Path, lines: impl Iterator<Item = &'a (u8, String)>) -> Option<ChipError> {
    let (line, user, by) = line_users(path, lines).ok()?.into_iter().next()?;
    Some(ChipError::Busy { path: path.to_owned(), line, user, by })
}

fn explain(path: &Path, what: &'static str, error: &gpiocdev::Error) -> ChipError {
    let path = path.to_owned();
    if let gpiocdev::Error::GpioChip(..) = error {
        ChipError::NoChip { path }
    } else if is(error, ErrorKind::PermissionDenied) {
        ChipError::Permission { path }
    } else if is(error, ErrorKind::NotFound) {
        ChipError::Failed { path, what, cause: "there is no such file".to_owned() }
    } else {
        ChipError::Failed { path, what, cause: error.to_string() }
    }
}

fn is(error: &gpiocdev::Error, kind: ErrorKind) -> bool {
    let code = match error {
        gpiocdev::Error::Os(code) | gpiocdev::Error::Uapi(_, gpiocdev_uapi::Error::Os(code)) => code.0,
        _ => return false,
    };
    std::io::Error::from_raw_os_error(code).kind() == kind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chip(number: u8, label: &str) -> FoundChip {
        FoundChip { path: format!("/dev/gpiochip{number}").into(), label: label.to_owned(), lines: 54 }
    }

    #[test]
    fn a_chip_is_found_by_its_label_whatever_its_number() {
        let five = || vec![chip(0, "gpio-brcmstb"), chip(4, "pinctrl-rp1")];
        assert_eq!(choose(None, five()), Ok(chip(4, "pinctrl-rp1")));
        let older = vec![chip(0, "pinctrl-bcm2711"), chip(1, "raspberrypi-exp-gpio")];
        assert_eq!(choose(None, older.clone()), Ok(chip(0, "pinctrl-bcm2711")));
        assert_eq!(choose(Some("raspberrypi-exp-gpio"), older), Ok(chip(1, "raspberrypi-exp-gpio")));
        let error = |wanted, chips| choose(wanted, chips).unwrap_err().to_string();
        assert_eq!(
            error(Some("rp1"), five()),
            "there is no chip \"rp1\"; name one of these as chip in [output]: \"gpio-brcmstb\" (/dev/gpiochip0), \"pinctrl-rp1\" (/dev/gpiochip4)"
        );
        assert!(
            error(None, vec![chip(0, "sunxi")])
                .ends_with("name one of these as chip in [output]: \"sunxi\" (/dev/gpiochip0)")
        );
        assert!(error(None, Vec::new()).starts_with("this machine has no GPIO character device"));
    }

    #[test]
    fn what_the_kernel_says_becomes_a_sentence_with_the_way_out() {
        let path = Path::new("/dev/gpiochip0");
        let says = |code: i32| {
            let error = gpiocdev::Error::from(std::io::Error::from_raw_os_error(code));
            explain(path, "opened", &error).to_string()
        };
        assert_eq!(
            says(libc::EACCES),
            "/dev/gpiochip0 may not be opened; add the service's user to the group gpio"
        );
        assert_eq!(says(libc::EPERM), says(libc::EACCES));
        assert_eq!(says(libc::ENOENT), "the lines of /dev/gpiochip0 cannot be opened: there is no such file");
        assert!(says(libc::EIO).contains("cannot be opened: Input/output error"), "{}", says(libc::EIO));
        let busy = gpiocdev::Error::from(std::io::Error::from_raw_os_error(libc::EBUSY));
        assert!(is(&busy, ErrorKind::ResourceBusy));
    }
}
