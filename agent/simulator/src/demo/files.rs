//! Where the demo keeps its files, and how it writes those with secrets.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Unix socket addresses hold at most this many bytes of path.
const SOCKET_PATH: usize = 107;
/// Longest name below the folder for sockets.
const SOCKET_NAME: usize = "/lamps-0.sock".len();
/// What the demo makes in its folder and replaces at each start.
const PARTS: [&str; 7] = ["agents", "logs", "run", "city.json", "server.toml", "secret-key", "mqtt-users"];
/// Marks a folder as the demo's, whose contents may be replaced.
const MARK: &str = ".flextraff-demo";

/// The demo's folder.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// Sockets and device links; elsewhere when the folder's own path is too long for a socket's.
    run: PathBuf,
    /// Homes of agents that lie elsewhere.
    elsewhere: BTreeMap<usize, PathBuf>,
}

/// Files of one agent.
#[derive(Debug)]
pub(super) struct AgentPaths {
    pub(super) config: PathBuf,
    pub(super) outbox: PathBuf,
    pub(super) password: PathBuf,
    pub(super) lamps: PathBuf,
    pub(super) console: PathBuf,
    /// Device files of the readers, in the order of lanes.
    pub(super) readers: [PathBuf; 4],
}

impl Folder {
    /// Prepares the folder: makes it when it is missing, empties it of what an earlier demo left. Only its owner may look into the parts.
    ///
    /// # Errors
    /// When something else stands where a part of the demo belongs, or the system refuses.
    pub(super) fn create(dir: &Path) -> Result<Self> {
        make(dir)?;
        let root = fs::canonicalize(dir).with_context(|| format!("finding {}", dir.display()))?;
        if !root.join(MARK).exists() {
            if let Some(part) = PARTS.iter().find(|part| root.join(part).exists()) {
                bail!("{} has a {part} that is not a demo's; name another folder with --dir", root.display());
            }
            write(&root.join(MARK), b"")?;
        }
        for part in PARTS {
            remove(&root.join(part))?;
        }
        let mut run = root.join("run");
        if run.as_os_str().len() + SOCKET_NAME > SOCKET_PATH {
            run = std::env::temp_dir().join(format!("flextraff-demo-{}", std::process::id()));
            remove(&run)?;
        }
        make(&run)?;
        make(&root.join("logs"))?;
        Ok(Self { root, run, elsewhere: BTreeMap::new() })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Log of a process.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Puts the files of an agent elsewhere, into an empty folder.
    pub(super) fn put_agent(&mut self, index: usize, dir: &Path) -> Result<()> {
        let entries = fs::read_dir(dir).with_context(|| format!("looking into {}", dir.display()))?;
        if entries.count() > 0 {
            bail!("{} is not empty; name an empty folder", dir.display());
        }
        self.elsewhere.insert(index, fs::canonicalize(dir)?);
        Ok(())
    }

    /// Files of the agent at a junction, counted from 0.
    pub(super) fn agent(&self, index: usize) -> AgentPaths {
        let number = index + 1;
        let home = self.elsewhere.get(&index).cloned();
        let home = home.unwrap_or_else(|| self.root.join("agents").join(number.to_string()));
        AgentPaths {
            config: home.join("agent.toml"),
            outbox: home.join("outbox.db"),
            password: home.join("mqtt-password"),
            lamps: self.run.join(format!("lamps-{number}.sock")),
            console: self.run.join(format!("agent-{number}.sock")),
            readers: ["n", "s", "e", "w"].map(|side| self.run.join(format!("reader-{number}-{side}"))),
        }
    }

    /// Removes sockets and links, and unless they are to be kept all files but the logs.
    pub(super) fn clean_up(&self, keep: bool) -> Result<()> {
        remove(&self.run)?;
        if keep {
            return Ok(());
        }
        PARTS.iter().filter(|&&part| part != "logs").try_for_each(|part| remove(&self.root.join(part)))
    }
}

fn make(dir: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("making {}", dir.display()))
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a file that only its owner may read, and the folders above it.
pub(super) fn write(path: &Path, contents: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        make(parent)?;
    }
    let context = || format!("writing {}", path.display());
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(context)?;
    file.write_all(contents).with_context(context)
}

/// Appends to a file that exists.
pub(super) fn append(path: &Path, contents: &[u8]) -> Result<()> {
    let context = || format!("appending to {}", path.display());
    let mut file = OpenOptions::new().append(true).open(path).with_context(context)?;
    file.write_all(contents).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_foreign_folder_is_left_alone_and_an_own_one_is_reused() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("demo");
        let folder = Folder::create(&own).unwrap();
        let agent = folder.agent(0);
        write(&agent.password, b"secret").unwrap();
        assert_eq!(fs::metadata(&agent.password).unwrap().permissions().mode() & 0o777, 0o600);
        drop(Folder::create(&own).unwrap());
        assert!(!agent.password.exists());
        let foreign = dir.path().join("foreign");
        fs::create_dir_all(foreign.join("agents/smith")).unwrap();
        let error = Folder::create(&foreign).unwrap_err().to_string();
        assert!(error.contains("--dir") && error.contains("agents"), "{error}");
        assert!(foreign.join("agents/smith").exists());
    }

    #[test]
    fn sockets_of_a_deep_folder_lie_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(100));
        let folder = Folder::create(&deep).unwrap();
        assert!(folder.agent(5).lamps.as_os_str().len() <= SOCKET_PATH);
        folder.clean_up(false).unwrap();
        assert!(!folder.run.exists() && folder.logs().exists());
    }
}
