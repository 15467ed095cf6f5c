//! Hostile and damaged `.safetensors`, read by `asap convert`.

use super::{Expected, run_all};
use crate::support::Workspace;

/// A file whose header claims this length.
fn with_length(length: u64, rest: &[u8]) -> Vec<u8> {
    [&length.to_le_bytes(), rest].concat()
}

/// A header, and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    with_length(header.len() as u64, &[header.as_bytes(), data].concat())
}

/// One tensor `w`.
fn one(dtype: &str, shape: &str, offsets: &str, data: &[u8]) -> Vec<u8> {
    file(&format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#), data)
}

/// Two tensors of single precision, by their data.
fn two(first: &str, second: &str, data: usize) -> Vec<u8> {
    let tensor = |offsets| format!(r#"{{"dtype":"F32","shape":[2],"data_offsets":{offsets}}}"#);
    file(&format!(r#"{{"a":{},"b":{}}}"#, tensor(first), tensor(second)), &vec![0; data])
}

const FLOAT: &str = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;

#[test]
fn rejects_hostile_safetensors() {
    let here = Workspace::new();
    let damaged: &[&str] = &["its header is damaged"];
    let good = one("F32", "[2]", "[0,8]", &[0; 8]);
    let many = |count: usize| {
        let tensors: Vec<String> =
            (0..count).map(|i| format!(r#""{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#)).collect();
        file(&format!("{{{}}}", tensors.join(",")), b"")
    };
    let long_name = format!(r#"{{"{}":{FLOAT}}}"#, "x".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("empty", Vec::new(), &["neither"]),
        ("seven-bytes", vec![0; 7], &["neither"]),
        ("length-only", with_length(2, b""), &["neither"]),
        ("length-beyond-all", with_length(u64::MAX, b"{}"), &["18446744073709551615", "10 in all"]),
        ("length-negative", with_length(1 << 63, b"{}"), &["9223372036854775808"]),
        ("length-beyond-the-file", with_length(3, b"{}"), &["header of 3 bytes"]),
        ("length-of-gigabytes", with_length(1 << 32, &[b'{'; 100]), &["4294967296"]),
        ("length-zero", with_length(0, b"{}"), damaged),
        ("length-cuts-the-header", with_length(9, &good[8..]), damaged),
        ("no-json", file("{nonsense}", b""), damaged),
        ("no-end", file("{\"w\":", b""), damaged),
        ("not-utf-8", with_length(8, b"{\"\xff\xfe\":1}"), damaged),
        (
            "an-escape-in-a-key",
            file(&format!(r#"{{"\u001b[2J\nerror: ":{}}}"#, FLOAT.replace("F32", "F8_E4M3")), &[0; 4]),
            damaged,
        ),
        ("text-after-the-header", file("{} {}", b""), damaged),
        ("nested-lists", file(&format!("{{\"w\":{}", "[".repeat(200_000)), b""), damaged),
        ("nested-objects", file(&"{\"w\":".repeat(200_000), b""), damaged),
        ("nested-strings", file(&format!("{{\"__metadata__\":{{\"a\":{}", "[".repeat(200_000)), b""), damaged),
        ("a-list-for-a-tensor", file(r#"{"w":[1,2]}"#, b""), damaged),
        ("a-number-for-a-tensor", file(r#"{"w":3}"#, b""), damaged),
        ("numbers-for-strings", file(r#"{"__metadata__":{"a":1}}"#, b""), damaged),
        ("nothing-for-strings", file(r#"{"__metadata__":null}"#, b""), damaged),
        ("a-key-twice", file(&format!(r#"{{"w":{FLOAT},"w":{FLOAT}}}"#), &[0; 4]), &["\"w\" is repeated"]),
        ("a-string-twice", file(r#"{"__metadata__":{"config":"","config":""}}"#, b""), &["\"config\" is repeated"]),
        ("strings-twice", file(r#"{"__metadata__":{},"__metadata__":{}}"#, b""), &["__metadata__"]),
        (
            "a-field-twice",
            file(r#"{"w":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, &[0; 4]),
            &["dtype"],
        ),
        ("no-type", file(r#"{"w":{"shape":[1],"data_offsets":[0,4]}}"#, &[0; 4]), &["dtype"]),
        ("no-shape", file(r#"{"w":{"dtype":"F32","data_offsets":[0,4]}}"#, &[0; 4]), &["shape"]),
        ("no-offsets", file(r#"{"w":{"dtype":"F32","shape":[1]}}"#, &[0; 4]), &["data_offsets"]),
        ("unknown-type", one("F128", "[1]", "[0,16]", &[0; 16]), &["F128"]),
        ("type-in-small-letters", one("f32", "[1]", "[0,4]", &[0; 4]), &["f32"]),
        ("type-that-networks-have-not", one("F8_E5M2", "[4]", "[0,4]", &[0; 4]), &["w", "F8_E5M2"]),
        ("half-a-byte-each", one("F4", "[3]", "[0,2]", &[0; 2]), damaged),
        ("wrong-type-for-its-bytes", one("F64", "[2]", "[0,8]", &[0; 8]), damaged),
        ("negative-size", one("F32", "[-1]", "[0,4]", &[0; 4]), &["-1"]),
        ("size-of-half", one("F32", "[0.5]", "[0,4]", &[0; 4]), damaged),
        ("size-in-words", one("F32", "[\"1\"]", "[0,4]", &[0; 4]), damaged),
        ("size-beyond-64-bits", one("F32", "[18446744073709551616]", "[0,4]", &[0; 4]), damaged),
        ("sizes-that-overflow", one("F32", "[4294967296,4294967296]", "[0,0]", b""), damaged),
        ("sizes-that-wrap-to-four-bytes", one("F32", "[4611686018427387905]", "[0,4]", &[0; 4]), damaged),
        ("sizes-of-gigabytes", one("F32", "[1073741824]", "[0,4294967296]", &[0; 16]), &["4294967296 bytes", "has 16"]),
        ("seven-axes", one("F32", "[1,1,1,1,1,1,1]", "[0,4]", &[0; 4]), &["w", "7 axes"]),
        ("a-million-axes", one("F32", &format!("[{}1]", "1,".repeat(1 << 20)), "[0,4]", &[0; 4]), &["w", "axes"]),
        ("offsets-overlap", two("[0,8]", "[4,12]", 12), damaged),
        ("offsets-the-same", two("[0,8]", "[0,8]", 8), damaged),
        ("offsets-with-a-gap", two("[0,8]", "[12,20]", 20), damaged),
        ("offsets-begin-late", one("F32", "[1]", "[4,8]", &[0; 8]), damaged),
        ("offsets-reversed", one("F32", "[1]", "[4,0]", &[0; 4]), damaged),
        ("offsets-negative", one("F32", "[1]", "[-4,0]", &[0; 4]), damaged),
        ("offsets-beyond-64-bits", one("F32", "[1]", "[0,18446744073709551616]", &[0; 4]), damaged),
        ("offsets-of-three", one("F32", "[1]", "[0,2,4]", &[0; 4]), damaged),
        ("data-missing", one("F32", "[2]", "[0,8]", &[0; 7]), &["8 bytes of data", "has 7"]),
        ("data-left-over", one("F32", "[2]", "[0,8]", &[0; 9]), &["8 bytes of data", "has 9"]),
        ("data-without-tensors", file("{}", &[0; 9]), &["has 9"]),
        ("cut-in-the-header", good[..20].to_vec(), &["cut short"]),
        ("an-integer-without-a-float", one("I64", "[1]", "[0,8]", &16777217i64.to_le_bytes()), &["w", "16777217"]),
        ("a-double-too-large", one("F64", "[1]", "[0,8]", &1e300f64.to_le_bytes()), &["w", "1e300"]),
        (
            "a-hash-of-another-file",
            file(&format!(r#"{{"__metadata__":{{"content_sha256":"{}"}}}}"#, "0".repeat(64)), b""),
            &["SHA-256"],
        ),
        ("a-hash-of-no-hash", file(r#"{"__metadata__":{"content_sha256":"x"}}"#, b""), &["SHA-256"]),
        (
            "a-configuration-that-is-none",
            file(r#"{"__metadata__":{"format":"asap","config":"[["}}"#, b""),
            &["configuration in its header"],
        ),
        (
            "the-name-of-a-tensor-without-end",
            file(&long_name.replace("F32", "F8_E5M2").replace("[1]", "[4]"), &[0; 4]),
            &["xxx…"],
        ),
    ];
    let mut lines: Vec<(String, String, Expected)> = Vec::new();
    for (name, bytes, parts) in &cases {
        here.write(&format!("{name}.safetensors"), bytes);
        lines.push(((*name).into(), format!("convert {name}.safetensors out.pth"), (5, parts)));
        assert!(bytes.len() < 4 << 20, "{name} is large");
    }
    run_all(&here, &lines);
    // Unusual but valid.
    let odd: Vec<(&str, Vec<u8>)> = vec![
        ("no-tensors", file("{}", b"")),
        ("ten-thousand-tensors", many(10_000)),
        ("blanks-before-the-data", file(&format!("{{\"w\":{FLOAT}}}{}", " ".repeat(100)), &[0; 4])),
        ("a-scalar", one("F32", "[]", "[0,4]", &[0; 4])),
        ("nothing-in-it", one("F32", "[3,0,4]", "[0,0]", b"")),
        ("numbers-of-16-bits", one("BF16", "[2]", "[0,4]", &[0; 4])),
        ("not-a-number", one("F32", "[1]", "[0,4]", &f32::NAN.to_le_bytes())),
    ];
    let odd_lines: Vec<(String, String, Expected)> = odd
        .iter()
        .map(|(name, bytes)| {
            here.write(&format!("{name}.safetensors"), bytes);
            ((*name).into(), format!("convert {name}.safetensors {name}.pth"), (0, &[][..]))
        })
        .collect();
    run_all(&here, &odd_lines);
}
