//! Where a serial adapter is plugged in, so that it is found again when it comes back under another name.

use std::path::{Path, PathBuf};

/// Where the kernel tells about devices.
pub(super) const SYS: &str = "/sys";

/// Whether a device file is known by the kernel's own name for a USB adapter, such as `/dev/ttyUSB0`, which is another's the next time.
pub(super) fn is_plain(device: &Path) -> bool {
    device.strip_prefix("/dev").ok().and_then(Path::to_str).is_some_and(is_usb)
}

/// The USB socket, interface and all, of a device file such as `/dev/ttyUSB0`, or of the one behind a link as udev makes them; `None` for one that
/// is no USB adapter, or not there.
pub(super) fn socket(sys: &Path, device: &Path) -> Option<PathBuf> {
    let target = if is_plain(device) { device.to_owned() } else { std::fs::read_link(device).ok()? };
    let name = target.file_name()?.to_str()?;
    if is_usb(name) { socket_of(sys, name) } else { None }
}

fn is_usb(name: &str) -> bool {
    name.starts_with("ttyUSB") || name.starts_with("ttyACM")
}

/// The device file of the adapter in this socket.
pub(super) fn device_in(sys: &Path, socket: &Path) -> Option<PathBuf> {
    let mut names: Vec<String> = std::fs::read_dir(sys.join("class/tty"))
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_usb(name))
        .collect();
    names.sort_unstable();
    let name = names.into_iter().find(|name| socket_of(sys, name).as_deref() == Some(socket))?;
    Some(Path::new("/dev").join(name))
}

fn socket_of(sys: &Path, name: &str) -> Option<PathBuf> {
    let device = std::fs::canonicalize(sys.join("class/tty").join(name).join("device")).ok()?;
    // usb-serial puts a device of the port's own name below the interface, cdc-acm does not.
    Some(if device.ends_with(name) { device.parent()?.to_path_buf() } else { device })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn plug(sys: &Path, socket: &str, name: &str, below: &str) {
        let device = sys.join("devices").join(socket).join(below);
        std::fs::create_dir_all(&device).unwrap();
        let class = sys.join("class/tty").join(name);
        std::fs::create_dir_all(&class).unwrap();
        symlink(&device, class.join("device")).unwrap();
    }

    #[test]
    fn an_adapter_is_found_by_its_socket_under_its_new_name() {
        let folder = tempfile::tempdir().unwrap();
        let sys = folder.path();
        plug(sys, "usb1/1-1.2:1.0", "ttyUSB0", "ttyUSB0");
        plug(sys, "usb1/1-1.3:1.0", "ttyUSB1", "ttyUSB1");
        plug(sys, "usb1/1-1.4:1.0", "ttyACM0", "");
        let north = socket(sys, Path::new("/dev/ttyUSB0")).unwrap();
        let south = socket(sys, Path::new("/dev/ttyACM0")).unwrap();
        assert_eq!(device_in(sys, &north), Some("/dev/ttyUSB0".into()));

        std::fs::remove_dir_all(sys.join("class/tty/ttyUSB0")).unwrap();
        std::fs::remove_dir_all(sys.join("class/tty/ttyACM0")).unwrap();
        assert_eq!(device_in(sys, &north), None);
        plug(sys, "usb1/1-1.2:1.0", "ttyUSB2", "ttyUSB2");
        plug(sys, "usb1/1-1.4:1.0", "ttyACM7", "");
        assert_eq!(device_in(sys, &north), Some("/dev/ttyUSB2".into()));
        assert_eq!(device_in(sys, &south), Some("/dev/ttyACM7".into()));
    }

    #[test]
    fn a_link_has_the_socket_of_its_device() {
        let folder = tempfile::tempdir().unwrap();
        plug(folder.path(), "usb1/1-1.3:1.0", "ttyUSB1", "ttyUSB1");
        let link = folder.path().join("by-path");
        symlink("../../ttyUSB1", &link).unwrap();
        assert_eq!(socket(folder.path(), &link), socket(folder.path(), Path::new("/dev/ttyUSB1")));
        assert!(socket(folder.path(), &link).is_some() && !is_plain(&link));
    }

    #[test]
    fn other_ports_and_links_to_nothing_have_no_socket() {
        let folder = tempfile::tempdir().unwrap();
        plug(folder.path(), "soc", "ttyAMA0", "");
        for device in ["/dev/ttyAMA0", "/dev/serial/by-path/one", "/dev/ttyUSB9", "/tmp/ttyUSB0"] {
            assert_eq!(socket(folder.path(), Path::new(device)), None, "{device}");
        }
    }
}
