//! Files that are never half written.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use crate::{Error, Result};

/// Temporary files are named so, followed by random characters.
const PREFIX: &str = ".writing-";

/// Writes a file by way of a temporary one in the same folder: at any time, even after a crash or a power failure, `path`
/// is the old file or the complete new one.
///
/// `write` fills the temporary file; it is then flushed to the disk and renamed to `path`, and the folder is flushed.
///
/// # Errors
/// [`Error::Io`] names `path`, which has its old content, or the new one if only flushing the folder failed. The temporary
/// file is removed.
pub fn write(path: &Path, write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>) -> Result<()> {
    replace(path, write).map_err(|source| Error::Io { file: path.into(), action: "write it", source })
}

/// Removes the temporary files that interrupted processes left in a folder. One that can't be removed does no harm.
pub fn remove_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    // Temporary files are private by default; this one gets the usual permissions, by the umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    sync_folder(folder)
}

/// Flushes a rename to the disk. Windows does so itself, and can't open folders as files.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network and shared folders can't be flushed.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_write_leaves_old_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        super::write(&path, |file| file.write_all(b"old")).unwrap();
        let error = super::write(&path, |file| {
            file.write_all(b"half of the n")?;
            Err(io::Error::other("the disk is full"))
        });
        let error = error.unwrap_err().to_string();
        assert!(error.contains("file: cannot write it: the disk is full"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        super::write(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let nowhere = folder.path().join("gone/file");
        assert!(matches!(super::write(&nowhere, |_| Ok(())), Err(Error::Io { file, .. }) if file == nowhere));
    }

    #[cfg(unix)]
    #[test]
    fn written_file_has_usual_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        fs::write(folder.path().join("plain"), b"").unwrap();
        super::write(&folder.path().join("atomic"), |_| Ok(())).unwrap();
        assert_eq!(mode("atomic"), mode("plain"));
    }
}
