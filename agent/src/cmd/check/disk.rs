//! The folder of the outbox: there, writable, with room.

use super::Finding;
use crate::config::Config;
use crate::outbox::free_bytes;
use flextraff_common::wire::OutboxStatus;
use rustix::fs::{Access, access};
use std::path::Path;

const MEGABYTE: u64 = 1_000_000;

/// Looks at the folder; writes nothing.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let path = &config.outbox.path;
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return vec![Finding::failed(
            "disk",
            format!("the folder {} of the outbox does not exist", folder.display()),
            "create it for the user flextraff; systemd does so for /var/lib/flextraff when the service starts",
        )];
    }
    let target = if path.exists() { path.as_path() } else { folder };
    let mut findings = Vec::new();
    if let Err(error) = access(target, Access::WRITE_OK) {
        findings.push(Finding::failed(
            "disk",
            format!("{} may not be written ({error})", target.display()),
            "run the check as the user flextraff, or give the file to that user",
        ));
    }
    let used = std::fs::metadata(path).map_or(0, |file| file.len());
    findings.push(match free_bytes(folder) {
        Ok(free) => room(folder, free, config.outbox.max_bytes.saturating_sub(used)),
        Err(error) => Finding::failed(
            "disk",
            format!("the free space of {} is unknown ({error})", folder.display()),
            "check the file system",
        ),
    });
    findings
}

/// Compares free bytes with what the outbox may still take.
fn room(folder: &Path, free: u64, wanted: u64) -> Finding {
    let (free_mb, wanted_mb) = (free / MEGABYTE, wanted / MEGABYTE);
    let folder = folder.display();
    if free < OutboxStatus::LEAST_FREE_BYTES {
        return Finding::failed(
            "disk",
            format!("{folder} has only {free_mb} MB free"),
            "make room on the disk",
        );
    }
    if free < wanted {
        return Finding::warning(
            "disk",
            format!("{folder} has {free_mb} MB free, but the outbox may still grow by {wanted_mb} MB"),
            "make room, or lower max_mb of [outbox]",
        );
    }
    Finding::ok(
        "disk",
        format!("{folder} has {free_mb} MB free for an outbox that may grow by {wanted_mb} MB"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_nearly_full_disk_fails_and_a_small_one_warns() {
        let room = |free, wanted| room(Path::new("/var"), free * MEGABYTE, wanted * MEGABYTE).state;
        assert_eq!(room(10, 5), Level::Failed);
        assert_eq!(room(100, 500), Level::Warning);
        assert_eq!(room(1000, 500), Level::Ok);
    }
}
