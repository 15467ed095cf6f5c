//! Files that are never half written.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use crate::{Error, Result};

/// What the names of temporary files begin with.
const PREFIX: &str = ".writing-";

/// Writes a file through a temporary one in the same folder: whoever looks at `path`, even after a crash or a power
/// cut, sees the old file or the whole new one.
///
/// `write` fills the temporary file; it is then flushed to the disk, renamed to `path`, and the folder is flushed too.
///
/// # Errors
/// [`Error::Io`] names `path`; it then has its old content, or the new one where only flushing the folder failed, and the
/// temporary file is gone.
pub fn write(path: &Path, write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>) -> Result<()> {
    replace(path, write).map_err(|source| Error::Io { file: path.into(), action: "write it", source })
}

/// Removes the temporary files that processes which were stopped while writing have left in a folder. One that can't be
/// removed stays: it is in nobody's way.
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
    // A temporary file is private by default; this one becomes a file like any other, as the umask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    temporary.as_file().sync_all()?;
    let temporary = temporary.into_temp_path();
    fs::rename(&temporary, path)?;
    // It has another name now: there is nothing left to remove.
    let _ = temporary.keep();
    sync_folder(folder)
}

/// Flushes a rename to the disk.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network and shared folders can't be flushed; the file is as good without.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

/// Folders can't be opened as files here; the system flushes renames itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_else() {
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
    fn others_may_read_a_written_file_as_far_as_they_may_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        fs::write(folder.path().join("plain"), b"").unwrap();
        super::write(&folder.path().join("atomic"), |_| Ok(())).unwrap();
        assert_eq!(mode("atomic"), mode("plain"));
    }
}
