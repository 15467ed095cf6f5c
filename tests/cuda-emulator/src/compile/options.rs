//! NVRTC's options: understood, passed over because they change nothing here, or refused as NVRTC refuses unknown ones.

/// The requested options.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// The architecture's number: 80 for `sm_80` and `compute_80`.
    pub architecture: u32,
    /// `sm_…` rather than `compute_…`: there is machine code to get.
    pub machine_code: bool,
    /// `-D…`, `-U…`, `-I…` and `-include` for the preprocessor.
    pub preprocessor: Vec<String>,
    /// `c++17` and the like.
    pub standard: String,
}

/// Options with a value that change nothing here.
const VALUED: [&str; 16] = [
    "--ftz",
    "--prec-sqrt",
    "--prec-div",
    "--fmad",
    "--maxrregcount",
    "--split-compile",
    "--ptxas-options",
    "--optimization-info",
    "--diag-error",
    "--diag-suppress",
    "--diag-warn",
    "--builtin-move-forward",
    "--builtin-initializer-list",
    "--fdevice-time-trace",
    "--brief-diagnostics",
    "--minimal",
];

/// Options without a value that change nothing here.
const BARE: [&str; 17] = [
    "--use_fast_math",
    "--generate-line-info",
    "--device-debug",
    "--dopt",
    "--extra-device-vectorization",
    "--disable-warnings",
    "--restrict",
    "--device-as-default-execution-space",
    "--device-int128",
    "--relocatable-device-code=false",
    "--no-source-include",
    "--display-error-number",
    "--no-display-error-number",
    "--Wext-lambda-captures-this",
    "--minimal",
    "--modify-stack-limit=false",
    "--device-syntax-only",
];

/// NVRTC's short names and what they stand for.
const SHORT: [(&str, &str); 14] = [
    ("-arch", "--gpu-architecture"),
    ("-std", "--std"),
    ("-lineinfo", "--generate-line-info"),
    ("-G", "--device-debug"),
    ("-dopt", "--dopt"),
    ("-use_fast_math", "--use_fast_math"),
    ("-extra-device-vectorization", "--extra-device-vectorization"),
    ("-w", "--disable-warnings"),
    ("-restrict", "--restrict"),
    ("-default-device", "--device-as-default-execution-space"),
    ("-maxrregcount", "--maxrregcount"),
    ("-Xptxas", "--ptxas-options"),
    ("-ftz", "--ftz"),
    ("-fmad", "--fmad"),
];

impl Options {
    /// Reads the options in the order given. An error names the one that isn't NVRTC's.
    pub fn parse(given: &[String]) -> Result<Options, String> {
        let mut options =
            Options { architecture: 75, machine_code: false, preprocessor: Vec::new(), standard: "c++17".into() };
        let mut rest = given.iter().map(String::as_str);
        while let Some(option) = rest.next() {
            if let Some((letter, text)) = preprocessor_short(option) {
                let value = if text.is_empty() { rest.next().ok_or_else(|| lacks_value(option))? } else { text };
                options.preprocessor.push(format!("{letter}{value}"));
                continue;
            }
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (option, None),
            };
            let name = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long);
            if BARE.contains(&name) || BARE.contains(&option) {
                continue;
            }
            let mut value = || value.or_else(|| rest.next()).ok_or_else(|| lacks_value(option));
            match name {
                "--gpu-architecture" => {
                    let value = value()?;
                    let (number, machine_code) = architecture(value).ok_or_else(|| {
                        format!("nvrtc: error: invalid value for --gpu-architecture (-arch): {value}")
                    })?;
                    (options.architecture, options.machine_code) = (number, machine_code);
                }
                "--std" => options.standard = standard(value()?)?,
                "--define-macro" => options.preprocessor.push(format!("-D{}", value()?)),
                "--undefine-macro" => options.preprocessor.push(format!("-U{}", value()?)),
                "--include-path" => options.preprocessor.push(format!("-I{}", value()?)),
                "--pre-include" => options.preprocessor.extend(["-include".to_string(), value()?.to_string()]),
                _ if VALUED.contains(&name) => {
                    value()?;
                }
                _ => return Err(format!("nvrtc: error: unrecognized option {option} found")),
            }
        }
        Ok(options)
    }
}

fn lacks_value(option: &str) -> String {
    format!("nvrtc: error: option {option} needs a value")
}

/// `-DNAME`, `-D NAME` and the like: the letter and what follows it.
fn preprocessor_short(option: &str) -> Option<(&str, &str)> {
    ["-D", "-U", "-I"].into_iter().find_map(|letter| Some((letter, option.strip_prefix(letter)?)))
}

/// 80 and true for `sm_80`, 90 and false for `compute_90a`.
fn architecture(text: &str) -> Option<(u32, bool)> {
    let (kind, number) = text.split_once('_')?;
    let number = number.trim_end_matches(['a', 'f']).parse().ok()?;
    match kind {
        "sm" => Some((number, true)),
        "compute" => Some((number, false)),
        _ => None,
    }
}

fn standard(text: &str) -> Result<String, String> {
    match text {
        "c++11" | "c++14" | "c++17" | "c++20" => Ok(text.to_string()),
        _ => Err(format!("nvrtc: error: invalid value for --std (-std): {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[&str]) -> Result<Options, String> {
        Options::parse(&options.iter().map(|s| s.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn options_parse_in_every_spelling() {
        let options = parse(&[
            "-arch",
            "sm_90a",
            "-D",
            "A=1",
            "-DB",
            "--define-macro=C=2",
            "--std=c++20",
            "-lineinfo",
            "--fmad=false",
        ])
        .unwrap();
        assert_eq!((options.architecture, options.machine_code), (90, true));
        assert_eq!(options.preprocessor, ["-DA=1", "-DB", "-DC=2"]);
        assert_eq!(options.standard, "c++20");
    }

    #[test]
    fn unknown_option_is_an_error() {
        assert!(parse(&["--fast-math"]).unwrap_err().contains("--fast-math"));
        assert!(parse(&["--gpu-architecture=sm80"]).unwrap_err().contains("sm80"));
    }
}
