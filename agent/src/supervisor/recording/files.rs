//! The files with keys and watch-list, written by the recorder's thread: whoever has news for them does not wait for a disk that stands still.

use crate::identity::{KeptKeys, store};
use crate::supervisor::watched::Watched;
use flextraff_common::time::MonoMs;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};

/// Between two attempts to write what the disk does not take, milliseconds.
const AGAIN_MS: i64 = 5000;

/// What is to be kept over a restart.
pub(in crate::supervisor) enum ToKeep {
    /// The keys of pseudonyms.
    Keys(Box<KeptKeys>),
    /// Whom the junction looks out for.
    Watched(Box<Watched>),
}

/// What the disk has not taken yet.
#[derive(Debug)]
pub(super) struct Files {
    keys: File<KeptKeys>,
    watched: File<Watched>,
}

#[derive(Debug)]
struct File<T> {
    path: PathBuf,
    /// The newest, while it is not on the disk, and when it is tried.
    unsaved: Option<(T, MonoMs)>,
    /// Whether the log says that it cannot be kept.
    told: bool,
}

impl Files {
    /// Those beside an outbox.
    pub(super) fn beside(outbox: &Path) -> Self {
        Self { keys: File::new(store::path(outbox)), watched: File::new(store::watchlist_path(outbox)) }
    }

    /// Takes what is to be kept, and writes it.
    pub(super) fn handle(&mut self, keep: ToKeep, now: MonoMs) {
        match keep {
            ToKeep::Keys(keys) => self.keys.unsaved = Some((*keys, now)),
            ToKeep::Watched(watched) => self.watched.unsaved = Some((*watched, now)),
        }
        self.handle_timeout(now);
    }

    /// Tries again what the disk has not taken.
    pub(super) fn handle_timeout(&mut self, now: MonoMs) {
        if let Some(error) = self.keys.try_save(now) {
            tracing::error!(file = %self.keys.path.display(), %error, "the pseudonym keys cannot be kept over a restart; it is tried again");
        }
        if let Some(error) = self.watched.try_save(now) {
            tracing::error!(file = %self.watched.path.display(), %error, "the watch-list cannot be kept over a restart; it is tried again");
        }
    }
}

impl<T: Serialize> File<T> {
    fn new(path: PathBuf) -> Self {
        Self { path, unsaved: None, told: false }
    }

    /// Writes what is due; the first error of several in a row.
    fn try_save(&mut self, now: MonoMs) -> Option<io::Error> {
        let (kept, due) = self.unsaved.as_mut().filter(|(_, due)| *due <= now)?;
        match store::save(&self.path, kept) {
            Ok(()) => {
                (self.unsaved, self.told) = (None, false);
                None
            }
            Err(error) => {
                *due = now + AGAIN_MS;
                (!std::mem::replace(&mut self.told, true)).then_some(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_does_not_take_is_written_when_it_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = folder.path().join("state/outbox.sqlite");
        let in_the_way = folder.path().join("state");
        std::fs::write(&in_the_way, "").expect("a file where the folder is to be");
        let mut files = Files::beside(&outbox);
        let keys =
            |at| KeptKeys { changed_at: Some(flextraff_common::time::UnixMs(at)), ..KeptKeys::default() };
        files.handle(ToKeep::Keys(Box::new(keys(1))), MonoMs(0));
        assert!(files.keys.told, "it is told");
        files.handle(ToKeep::Keys(Box::new(keys(2))), MonoMs(1000));
        std::fs::remove_file(&in_the_way).expect("it is there");
        files.handle_timeout(MonoMs(5999));
        assert!(files.keys.unsaved.is_some(), "it is not tried all the time");
        files.handle_timeout(MonoMs(6000));
        assert_eq!(store::load::<KeptKeys>(&store::path(&outbox)).expect("it is right"), keys(2));
        assert!(files.keys.unsaved.is_none() && !files.keys.told);
    }
}
