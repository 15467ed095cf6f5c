//! `~` in paths.

use std::env::home_dir;
use std::path::{Component, Path, PathBuf};

/// A path in which a leading `~` is the user's home folder, as in shells. `./~` is a file of that name.
///
/// # Errors
/// The problem in words: of another user's folder (`~name`), or if the home folder is unknown.
pub fn expand_home(path: &Path) -> Result<PathBuf, String> {
    expand(path, home_dir)
}

fn expand(path: &Path, home: impl Fn() -> Option<PathBuf>) -> Result<PathBuf, String> {
    let mut parts = path.components();
    let Some(Component::Normal(first)) = parts.next() else { return Ok(path.to_owned()) };
    if first == "~" {
        let home = home().filter(|home| home.is_absolute());
        let home =
            home.ok_or("~ is the home folder, which is not known: set HOME, or write ./~ for a file of that name")?;
        return Ok(if parts.as_path().as_os_str().is_empty() { home } else { home.join(parts.as_path()) });
    }
    if first.as_encoded_bytes().starts_with(b"~") {
        let first = first.display();
        return Err(format!(
            "{first} is another user's folder, which only shells know: write its path, or ./{first} for a file of that name"
        ));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tilde_is_the_home_folder() {
        let of =
            |path: &str| expand(Path::new(path), || Some("/home/ada".into())).map(|path| path.display().to_string());
        for (path, expanded) in [
            ("~", "/home/ada"),
            ("~/", "/home/ada"),
            ("~/runs/x", "/home/ada/runs/x"),
            ("./~", "./~"),
            ("./~/x", "./~/x"),
            ("a/~/b", "a/~/b"),
            ("/~", "/~"),
            ("a~", "a~"),
            ("", ""),
        ] {
            assert_eq!(of(path).unwrap(), expanded, "{path}");
        }
        for path in ["~bob", "~bob/x", "~~", "~+/x"] {
            assert!(of(path).unwrap_err().contains("another user"), "{path}");
        }
        assert!(expand(Path::new("~/x"), || None).unwrap_err().contains("HOME"));
    }
}
