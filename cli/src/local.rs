//! A node in this process: what `run`, `dev` and `serve` share. Where the data lies and who may use it, the socket the
//! API listens on, and ending well.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use crate::exit::{Exit, Failed};

/// Name of the folder in a project's folder where `run` and `dev` keep their data.
pub(crate) const FOLDER: &str = ".weft";
/// The port of the API unless something says otherwise.
const PORT: u16 = 7373;

/// A `.weft/` folder that this process owns while the value lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, and takes it for this process.
    ///
    /// # Errors
    /// Names the process that holds it.
    pub(crate) fn take(path: &Path) -> Result<Folder, Failed> {
        let cannot = |what: &str, e: &std::io::Error| Failed::io(format!("cannot {what} {}", path.display()), e);
        if !path.is_dir() {
            std::fs::create_dir_all(path).map_err(|e| {
                cannot("make", &e).help("run it where you may write, or use --ephemeral to keep nothing")
            })?;
            std::fs::write(path.join(".gitignore"), "*\n").map_err(|e| cannot("write to", &e))?;
        }
        let file = path.join("lock");
        let mut lock = File::options().read(true).write(true).create(true).truncate(false).open(&file);
        let lock = lock.as_mut().map_err(|e| cannot("write to", e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(path, lock)),
            Err(TryLockError::Error(e)) => return Err(cannot("lock", &e)),
        }
        let written = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
        written.map_err(|e| cannot("write to", &e))?;
        let lock = lock.try_clone().map_err(|e| cannot("lock", &e))?;
        Ok(Folder { path: path.to_path_buf(), _lock: lock })
    }

    /// The store's URL.
    pub(crate) fn store(&self) -> String {
        format!("sqlite:{}", self.path.join("weft.db").display())
    }
}

fn held(path: &Path, lock: &mut File) -> Failed {
    let mut pid = String::new();
    let _ = lock.seek(SeekFrom::Start(0)).and_then(|_| lock.read_to_string(&mut pid));
    let holder = match pid.trim() {
        "" => "another process".to_owned(),
        pid => format!("process {pid}"),
    };
    Failed::new(Exit::Refused, "folder_in_use", format!("{} is in use by {holder}", path.display()))
        .why("one `weft run` or `weft dev` at a time owns the data of a project")
        .help("use the running one (`weft start`, `weft list`), end it, or pass --ephemeral to `weft run`")
}

/// Listens where the command line says; else on the usual port, or a free one if that is taken.
///
/// # Errors
/// If the address that was asked for cannot be had.
pub(crate) async fn listen(wanted: Option<SocketAddr>) -> Result<TcpListener, Failed> {
    if let Some(address) = wanted {
        return TcpListener::bind(address).await.map_err(|e| {
            Failed::new(Exit::Refused, "listen", format!("cannot listen on {address}"))
                .why(e.to_string())
                .help("end what listens there, or choose another address with --listen")
        });
    }
    for port in [PORT, 0] {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return Ok(listener);
        }
    }
    Err(Failed::new(Exit::Refused, "listen", "cannot listen on any port of 127.0.0.1"))
}

/// Resolves when the person or the system asks this process to end.
pub(crate) async fn stop_requested() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

/// A path as short as it can be said from here.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
    let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FOLDER);
        let first = Folder::take(&path).unwrap();
        assert!(first.store().starts_with("sqlite:/"));
        let failed = Folder::take(&path).unwrap_err();
        assert!(failed.what.ends_with(&format!("in use by process {}", std::process::id())), "{}", failed.what);
        drop(first);
        Folder::take(&path).unwrap();
    }

    #[tokio::test]
    async fn the_usual_port_or_a_free_one() {
        let first = listen(None).await.unwrap();
        let second = listen(None).await.unwrap();
        assert_ne!(first.local_addr().unwrap().port(), second.local_addr().unwrap().port());
        let failed = listen(Some(first.local_addr().unwrap())).await.unwrap_err();
        assert_eq!(failed.exit, Exit::Refused);
    }
}
