//! A temporary folder and runs of the program in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Map, Value};

/// Networks and images so small that a step takes milliseconds; the preset is the quickstart.
pub const TINY: &str = "--threads 1 --set data.size=[32,32] --set data.count=6 --set data.val_count=2 \
    --set data.workers=1 --set generator.tile=4 --set generator.learned_factor=4 --set generator.width=4 \
    --set generator.max_width=8 --set generator.depth=1 --set generator.mlp_width=8 --set generator.mlp_depth=3 \
    --set discriminator.width=4 --set discriminator.max_width=8";

/// The same network as a configuration file.
pub const TINY_FILE: &str = "[data]\nlayout = \"synthetic\"\nclasses = 13\nsize = [32, 32]\nresize = \"none\"\n\
    [generator]\ntile = 4\nlearned_factor = 4\nwidth = 4\nmax_width = 8\ndepth = 1\nmlp_width = 8\nmlp_depth = 3\n\
    [discriminator]\nwidth = 4\nmax_width = 8\n";

/// The network of the case gen_city, by its options in the index.
pub const CITY: &str = "[data]\nlayout = \"cityscapes\"\nclasses = 5\ninstances = true\nsize = [64, 64]\n\
    [generator]\ntile = 4\nlearned_factor = 4\nwidth = 6\nmax_width = 12\ndepth = 2\nmlp_width = 8\nmlp_depth = 3\n\
    padding = \"reflect\"\n";

/// The tiny generator's trainable parameters, by hand. 3×3 convolutions with scale and shift: 13→4, 4→4, 4→8, 8→8
/// channels; MLPs of 13 labels and 8 position channels, 21→8→8→3; a 1×1 convolution from 8 channels to those.
pub const TINY_PARAMETERS: u64 = {
    let convolutions = 9 * (13 * 4 + 4 * 4 + 4 * 8 + 8 * 8) + 2 * (4 + 4 + 8 + 8);
    let mlp = (21 * 8 + 8) + (8 * 8 + 8) + (8 * 3 + 3);
    convolutions + 8 * mlp + mlp
};

/// A temporary folder, deleted at the end of the test, and another one for the program's cache.
pub struct Workspace(tempfile::TempDir, tempfile::TempDir);

/// The result of one run of the program.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Self {
        let folder = || tempfile::tempdir().expect("a temporary folder");
        Workspace(folder(), folder())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program's cache.
    pub fn cache(&self) -> &Path {
        self.1.path()
    }

    /// Runs `asap` here with the words of `line` as its arguments. It must not panic.
    pub fn asap(&self, line: &str) -> Output {
        self.asap_with(&[], line)
    }

    /// As [`asap`](Self::asap), with environment variables.
    pub fn asap_with(&self, variables: &[(&str, String)], line: &str) -> Output {
        let mut command = self.command(line);
        let output = command.envs(variables.iter().map(|(name, value)| (name, value))).output();
        let output = output.expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let code = output.status.code().unwrap_or_else(|| panic!("asap {line} died: {}\n{stderr}", output.status));
        assert!(!stderr.contains("panicked"), "asap {line} panicked:\n{stderr}");
        Output { code, stdout, stderr }
    }

    /// Starts the program with both streams piped.
    pub fn start(&self, line: &str) -> Child {
        self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asap"));
        command.args(line.split_whitespace()).current_dir(self.0.path()).env("XDG_CACHE_HOME", self.1.path());
        command
    }

    /// As [`asap`](Self::asap), where success is expected.
    pub fn done(&self, line: &str) -> Output {
        let ran = self.asap(line);
        assert_eq!(ran.code, 0, "asap {line}\n{}{}", ran.stdout, ran.stderr);
        ran
    }

    /// As [`asap`](Self::asap), where it must fail with this exit code and one message with all of these parts.
    pub fn refused(&self, line: &str, code: i32, parts: &[&str]) {
        let ran = self.asap(line);
        assert_eq!(ran.code, code, "asap {line}\n{}{}", ran.stdout, ran.stderr);
        for part in parts {
            assert!(ran.stderr.contains(part), "{part:?} is missing in the output of asap {line}:\n{}", ran.stderr);
        }
        let errors = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "asap {line} has {errors} errors:\n{}", ran.stderr);
        let causes = ran.stderr.matches("os error").count();
        assert!(causes <= 1, "asap {line} prints a cause twice:\n{}", ran.stderr);
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("a file can be written");
    }

    /// Copies a published reference file here.
    pub fn copy_published(&self, name: &str) {
        std::fs::copy(published(name), self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Every file below a folder by its path, with its bytes.
    pub fn files(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path(folder), &mut files);
        files
    }

    /// The sorted names of a folder's entries.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).expect("a folder");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }
}

impl Output {
    /// Standard output, which must be one JSON object a line and nothing else.
    pub fn objects(&self) -> Vec<Map<String, Value>> {
        let object = |line: &str| match serde_json::from_str(line) {
            Ok(Value::Object(object)) => object,
            _ => panic!("not a JSON object: {line:?}"),
        };
        assert!(self.stdout.is_empty() || self.stdout.ends_with('\n'), "a line is cut off: {:?}", self.stdout);
        self.stdout.lines().map(object).collect()
    }
}

/// A published reference file among the tests' fixtures.
pub fn published(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/published").join(name)
}

/// Copies a folder and all below it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy_folder(&from, &to),
            false => drop(std::fs::copy(&from, &to).expect("a file can be copied")),
        }
    }
}

pub fn keys(object: &Map<String, Value>) -> Vec<&str> {
    object.keys().map(String::as_str).collect()
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            files.insert(path, bytes);
        }
    }
}
