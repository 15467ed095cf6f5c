//! Hostile and damaged `.pth` of both formats, read by `asap convert`.

use super::made::{Entry, deflated_zeros, zip};
use super::{Expected, run_all};
use crate::support::Workspace;

/// A pickled string.
fn string(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A pickled whole number.
fn integer(value: i64) -> Vec<u8> {
    match i32::try_from(value) {
        Ok(value) => [b"J", &value.to_le_bytes()[..]].concat(),
        Err(_) => [b"\x8a\x08", &value.to_le_bytes()[..]].concat(),
    }
}

/// A pickled tuple of whole numbers.
fn tuple(values: &[i64]) -> Vec<u8> {
    [b"(".to_vec(), values.iter().copied().flat_map(integer).collect(), b"t".to_vec()].concat()
}

/// A tensor as `torch.save` pickles it: a view of a storage.
struct View<'a> {
    class: &'a str,
    storage: &'a str,
    count: i64,
    offset: i64,
    shape: &'a [i64],
    strides: &'a [i64],
}

const VIEW: View = View { class: "FloatStorage", storage: "0", count: 6, offset: 0, shape: &[2, 3], strides: &[3, 1] };

impl View<'_> {
    fn pickled(&self) -> Vec<u8> {
        [
            b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
            string("storage"),
            format!("ctorch\n{}\n", self.class).into_bytes(),
            string(self.storage),
            string("cpu"),
            integer(self.count),
            b"tQ".to_vec(),
            integer(self.offset),
            tuple(self.shape),
            tuple(self.strides),
            b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
        ]
        .concat()
    }
}

/// A dictionary of one pickled value under the key `w`.
fn dictionary(value: &[u8]) -> Vec<u8> {
    [b"\x80\x02}(", &string("w")[..], value, b"u."].concat()
}

/// The zip format: a pickle, and one storage.
fn archive(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    zip(&[Entry::stored("a/data.pkl", pickle), Entry::stored("a/data/0", storage), Entry::stored("a/version", b"3\n")])
}

/// The zip format with one tensor.
fn viewed(view: &View) -> Vec<u8> {
    archive(&dictionary(&view.pickled()), &[0; 24])
}

/// The older format: its head, a pickle, the storages' keys, and what follows them.
fn legacy(pickle: &[u8], keys: &[u8], rest: &[u8]) -> Vec<u8> {
    let head = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}(X\x0d\0\0\0little_endian\x88u.";
    [head, pickle, b"\x80\x02](", keys, b"e.", rest].concat()
}

/// A storage of the older format: how many elements, and their bytes.
fn counted(count: i64, bytes: &[u8]) -> Vec<u8> {
    [&count.to_le_bytes()[..], bytes].concat()
}

/// Rejected pickles, each in the zip format.
fn pickles() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |open: &[u8], count: usize| [b"\x80\x02", &open.repeat(count)[..], b"."].concat();
    // Thirty nested lists, each with the previous one twice: 2³⁰ elements.
    let doubled = [b"\x80\x02]q\0", &b"(h\0h\0eq\0".repeat(30)[..], b"."].concat();
    let growing = [b"\x80\x02]q\0", &b"]q\x01(h\0h\0lq\0".repeat(40)[..], b"."].concat();
    vec![
        ("calls-a-program", b"cos\nsystem\n(S'touch executed'\ntR.".to_vec()),
        (
            "calls-a-program-by-two-strings",
            b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0etouch executed\x85R.".to_vec(),
        ),
        ("calls-a-program-as-an-object", b"(S'touch executed'\nios\nsystem\n.".to_vec()),
        ("calls-a-program-in-a-dictionary", dictionary(b"csubprocess\ncall\n(S'touch executed'\ntR")),
        ("evaluates-python", b"c__builtin__\neval\n(S'open(\"executed\", \"w\")'\ntR.".to_vec()),
        ("imports-on-building", b"cos\nenviron\n}(S'state'\nK\x01ub.".to_vec()),
        ("an-extension", b"\x80\x02\x82\x01.".to_vec()),
        ("empty", Vec::new()),
        ("no-end", b"\x80\x02}".to_vec()),
        ("nothing-on-the-stack", b"\x80\x02.".to_vec()),
        ("takes-from-nothing", b"\x80\x02sss.".to_vec()),
        ("marks-that-are-none", b"\x80\x02ttt.".to_vec()),
        ("protocol-200", b"\x80\xc8}.".to_vec()),
        ("opcode-that-is-none", b"\x80\x02\xff.".to_vec()),
        ("list-at-the-root", b"\x80\x02].".to_vec()),
        ("number-at-the-root", b"\x80\x02K\x01.".to_vec()),
        ("no-tensors", b"\x80\x02}.".to_vec()),
        ("memory-that-is-none", b"\x80\x02h\x07.".to_vec()),
        ("memory-far-away", b"\x80\x02}r\xff\xff\xff\xffj\xfe\xff\xff\xff.".to_vec()),
        ("string-of-4-gigabytes", b"\x80\x02X\xff\xff\xff\xffabc.".to_vec()),
        ("string-of-exabytes", b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.".to_vec()),
        ("bytes-of-exabytes", b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\xffabc.".to_vec()),
        ("number-of-2-gigabytes", b"\x80\x02\x8b\xff\xff\xff\x7fabc.".to_vec()),
        ("number-of-negative-length", b"\x80\x02\x8b\xff\xff\xff\xffabc.".to_vec()),
        ("frame-of-exabytes", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f}.".to_vec()),
        ("string-not-utf-8", dictionary(b"X\x02\0\0\0\xff\xfe")),
        ("deep-lists", nested(b"](", 100_000)),
        ("deep-tuples", nested(b"\x85", 100_000)),
        (
            "deep-dictionaries",
            [&b"\x80\x02"[..], &b"}X\x01\0\0\0a".repeat(100_000), &b"s".repeat(99_999), b"."].concat(),
        ),
        ("doubled-thirty-times", doubled),
        ("doubled-in-new-lists", growing),
        ("copied-on-and-on", [&b"\x80\x02("[..], &b"2".repeat(900_000), b"."].concat()),
        ("holds-itself", b"\x80\x02]q\0h\0a.".to_vec()),
        ("a-million-nothings", [&b"\x80\x02("[..], &b"N".repeat(1_000_000), b"l."].concat()),
        ("two-million-nothings", [&b"\x80\x02("[..], &b"N".repeat(2_000_000), b"l."].concat()),
        ("a-message-without-end", [&b"\x80\x02c"[..], &b"x".repeat(500_000), b"\ny\n)R."].concat()),
        ("a-message-that-clears-the-screen", b"\x80\x02c\x1b[2J\nerror: nothing\n)R.".to_vec()),
    ]
}

/// Tensors whose views do not fit.
fn views() -> Vec<(&'static str, View<'static>)> {
    vec![
        ("view-beyond-its-storage", View { shape: &[2, 4], strides: &[4, 1], ..VIEW }),
        ("view-from-beyond-its-storage", View { offset: 1, ..VIEW }),
        ("view-from-far-beyond", View { offset: i64::MAX, ..VIEW }),
        ("view-from-below", View { offset: -1, ..VIEW }),
        ("negative-size", View { shape: &[-2, 3], ..VIEW }),
        ("negative-stride", View { strides: &[-3, 1], ..VIEW }),
        ("sizes-that-overflow", View { shape: &[1 << 32, 1 << 32], strides: &[0, 0], ..VIEW }),
        ("strides-that-overflow", View { strides: &[i64::MAX, i64::MAX], ..VIEW }),
        ("repeated-a-billion-times", View { shape: &[1 << 30, 6], strides: &[0, 1], ..VIEW }),
        ("fewer-strides-than-axes", View { strides: &[1], ..VIEW }),
        ("seven-axes", View { shape: &[1; 7], strides: &[1; 7], ..VIEW }),
        ("seventy-axes", View { shape: &[1; 70], strides: &[1; 70], ..VIEW }),
        ("storage-larger-than-it-is", View { count: 7, shape: &[7], strides: &[1], ..VIEW }),
        ("storage-of-gigabytes", View { count: 1 << 40, shape: &[1 << 40], strides: &[1], ..VIEW }),
        ("storage-below-none", View { count: -6, ..VIEW }),
        ("storage-that-is-not-there", View { storage: "1", ..VIEW }),
        ("storage-outside", View { storage: "../../../etc/passwd", ..VIEW }),
        ("complex-numbers", View { class: "ComplexFloatStorage", ..VIEW }),
        ("numbers-of-no-kind", View { class: "HatStorage", ..VIEW }),
        ("doubles-in-half-the-room", View { class: "DoubleStorage", ..VIEW }),
    ]
}

/// Truncated archives and files of the older format.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let good = viewed(&VIEW);
    let state = dictionary(&VIEW.pickled());
    let old = legacy(&state, &string("0"), &counted(6, &[0; 24]));
    let deflated = |name, zeros: usize| Entry { name, content: &[], method: 8, size: zeros as u32 };
    let bomb = deflated_zeros(90_000_000);
    let bombed = Entry { content: &bomb, ..deflated("a/data.pkl", 90_000_000) };
    let claims = |name, size| Entry { size, ..Entry::stored(name, b"\x80\x02}.") };
    let patched = |place_from_end: usize, bytes: &[u8]| {
        let mut file = good.clone();
        let start = file.len() - place_from_end;
        file[start..start + bytes.len()].copy_from_slice(bytes);
        file
    };
    let tar = |kind: u8| {
        let mut header = vec![0; 512];
        header[..6].copy_from_slice(b"pickle");
        header[124..136].copy_from_slice(b"77777777777\0");
        header[156] = kind;
        header[257..265].copy_from_slice(b"ustar  \0");
        header
    };
    vec![
        ("zip-cut-in-the-middle", good[..good.len() / 2].to_vec()),
        ("zip-cut-at-the-end", good[..good.len() - 5].to_vec()),
        ("zip-start-only", b"PK\x03\x04".to_vec()),
        ("zip-without-anything", zip(&[])),
        ("zip-without-a-pickle", zip(&[Entry::stored("a/data/0", &[0; 24])])),
        ("zip-of-another-kind", zip(&[Entry::stored("word/document.xml", b"<xml/>")])),
        ("zip-without-its-storage", zip(&[Entry::stored("a/data.pkl", &state)])),
        ("zip-with-a-short-storage", archive(&state, &[0; 20])),
        ("zip-bomb", zip(&[bombed])),
        ("zip-bomb-of-a-storage", zip(&[Entry::stored("a/data.pkl", &state), deflated("a/data/0", 1 << 30)])),
        ("zip-pickle-of-4-gigabytes", zip(&[claims("a/data.pkl", u32::MAX - 1)])),
        ("zip-pickle-beyond-the-file", zip(&[claims("a/data.pkl", 1 << 19)])),
        ("zip-storage-of-4-gigabytes", zip(&[Entry::stored("a/data.pkl", &state), claims("a/data/0", u32::MAX - 1)])),
        ("zip-with-65535-entries", patched(14, &[0xff; 4])),
        ("zip-directory-beyond-the-file", patched(6, &[0xff, 0xff, 0, 0])),
        ("zip-big-endian", zip(&[Entry::stored("a/data.pkl", &state), Entry::stored("a/byteorder", b"big")])),
        ("old-cut-in-its-head", old[..20].to_vec()),
        ("old-cut-in-its-pickle", old[..100].to_vec()),
        ("old-cut-in-its-storage", old[..old.len() - 1].to_vec()),
        ("old-without-its-storage", legacy(&state, b"", b"")),
        ("old-with-another-storage", legacy(&state, &string("1"), &counted(6, &[0; 24]))),
        ("old-of-another-count", legacy(&state, &string("0"), &counted(5, &[0; 24]))),
        ("old-of-a-negative-count", legacy(&state, &string("0"), &counted(-6, &[0; 24]))),
        ("old-with-numbers-for-keys", legacy(&state, b"K\x00N", &counted(6, &[0; 24]))),
        ("old-with-a-pickle-without-end", legacy(&b"N".repeat(3 << 20), b"", b"")),
        ("old-of-another-version", {
            let mut file = old.clone();
            file[18] = 4;
            file
        }),
        ("old-big-endian", {
            let mut file = old.clone();
            let flag = file.windows(2).position(|pair| pair == b"\x88u").expect("a flag");
            file[flag] = 0x89;
            file
        }),
        ("tar", tar(b'0')),
        ("tar-with-holes", tar(b'S')),
        ("pickle-alone", state.clone()),
        ("a-safetensors-by-another-name", b"\x02\0\0\0\0\0\0\0{!".to_vec()),
        ("text", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n".to_vec()),
    ]
}

#[test]
fn rejects_hostile_pth() {
    let here = Workspace::new();
    let mut files = files();
    files.extend(pickles().into_iter().map(|(name, pickle)| (name, archive(&pickle, &[0; 24]))));
    files.extend(views().into_iter().map(|(name, view)| (name, viewed(&view))));
    for (name, pickle) in pickles().into_iter().take(5) {
        files.push((name, legacy(&pickle, b"", b"")));
    }
    let mut cases: Vec<(String, String, Expected)> = Vec::new();
    let names: Vec<String> = (0..files.len()).map(|i| format!("{}-{i}.pth", files[i].0)).collect();
    let parts: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    for ((name, (_, bytes)), parts) in names.iter().zip(&files).zip(&parts) {
        assert!(bytes.len() < 4 << 20, "{name} is large");
        here.write(name, bytes);
        cases.push((name.clone(), format!("convert {name} out.safetensors"), (5, parts)));
    }
    run_all(&here, &cases);
    assert!(!here.path("executed").exists());
}

#[test]
fn reads_unusual_pth() {
    let here = Workspace::new();
    let state = dictionary(&VIEW.pickled());
    let mut storage = Vec::new();
    (0..6).for_each(|i| storage.extend((i as f32).to_le_bytes()));
    let transposed = View { shape: &[3, 2], strides: &[1, 3], ..VIEW };
    let inner = [&b"}("[..], &string("w"), &VIEW.pickled(), b"u"].concat();
    let beside = [&b"\x80\x02}("[..], &string("epoch"), b"K\x07", &string("w"), &VIEW.pickled(), b"u."].concat();
    let nested = [&b"\x80\x02}("[..], &string("epoch"), b"K\x03", &string("state_dict"), &inner, b"u."].concat();
    let odd: Vec<(&str, Vec<u8>, [f32; 6])> = vec![
        ("whole", archive(&state, &storage), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ("transposed", archive(&dictionary(&transposed.pickled()), &storage), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        ("older", legacy(&state, &string("0"), &counted(6, &storage)), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ("nested", archive(&nested, &storage), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ("a-number-beside", archive(&beside, &storage), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    ];
    let mut cases: Vec<(String, String, Expected)> = Vec::new();
    for (name, bytes, _) in &odd {
        here.write(&format!("{name}.pth"), bytes);
        cases.push(((*name).into(), format!("convert {name}.pth {name}.safetensors"), (0, &[])));
    }
    run_all(&here, &cases);
    for (name, _, numbers) in odd {
        let (weights, _) =
            asap_model::checkpoint::safetensors::read(&here.path(&format!("{name}.safetensors"))).unwrap();
        let key = if name == "nested" { "state_dict.w" } else { "w" };
        assert_eq!(weights[key].data, numbers, "{name}");
    }
}
