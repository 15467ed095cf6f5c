//! A writer that reports its first error at the end.

use std::io::{self, Error, ErrorKind, Seek, SeekFrom, Write};

/// Accepts everything. After a first error it writes nothing more, and [`finish`](Self::finish) returns it.
///
/// [`ZipWriter`](zip::ZipWriter) completes its archive even when it is dropped after an error, and prints that this failed
/// as well.
#[derive(Debug)]
pub struct Deferred<W> {
    to: W,
    position: u64,
    length: u64,
    failed: Option<Error>,
}

impl<W: Write + Seek> Deferred<W> {
    /// Writes to an empty file.
    pub fn new(to: W) -> Self {
        Deferred { to, position: 0, length: 0, failed: None }
    }

    /// The first error.
    pub fn finish(self) -> io::Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    fn attempt(&mut self, change: impl FnOnce(&mut W) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = change(&mut self.to).err();
        }
    }
}

impl<W: Write + Seek> Write for Deferred<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|to| to.write_all(bytes));
        self.position += bytes.len() as u64;
        self.length = self.length.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(W::flush);
        Ok(())
    }
}

impl<W: Write + Seek> Seek for Deferred<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        let position = position.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        if position != self.position {
            self.attempt(|to| to.seek(SeekFrom::Start(position)).map(drop));
            self.position = position;
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Takes so many bytes.
    struct Small(Cursor<Vec<u8>>, usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let space = self.1 - self.0.get_ref().len().min(self.1);
            if space == 0 { Err(ErrorKind::StorageFull.into()) } else { self.0.write(&bytes[..bytes.len().min(space)]) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Small {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn first_error_is_returned_at_the_end() {
        for (space, fits) in [(7, true), (6, false), (0, false)] {
            let mut small = Small(Cursor::default(), space);
            let mut writer = Deferred::new(&mut small);
            writer.write_all(b"0123").unwrap();
            writer.seek(SeekFrom::Start(1)).unwrap();
            writer.write_all(b"x").unwrap();
            assert_eq!(writer.seek(SeekFrom::End(0)).unwrap(), 4);
            writer.write_all(b"456").unwrap();
            assert_eq!(writer.stream_position().unwrap(), 7);
            let error = writer.finish().err().map(|error| error.kind());
            assert_eq!(error, (!fits).then_some(ErrorKind::StorageFull), "{space}");
            assert!(!fits || small.0.get_ref() == b"0x23456");
        }
    }
}
