//! libnvrtc's functions.
#![allow(non_snake_case)] // the names are libnvrtc's

use std::ffi::{CStr, c_char, c_int};

use super::build::{Source, build};
use super::image::Image;
use super::options::Options;

type Status = c_int;
const SUCCESS: Status = 0;
const INVALID_INPUT: Status = 3;
const INVALID_PROGRAM: Status = 4;
const INVALID_OPTION: Status = 5;
const COMPILATION: Status = 6;

/// What `nvrtcProgram` points to.
struct Program {
    source: Source,
    log: String,
    image: Option<(Image, Options)>,
}

/// # Safety
/// `text` is null or a C string.
unsafe fn string(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: a C string, as the caller guarantees.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// # Safety
/// `texts` points to `count` C strings.
unsafe fn strings(texts: *const *const c_char, count: c_int) -> Vec<String> {
    // SAFETY: the caller guarantees it.
    (0..count.max(0) as usize).map(|i| unsafe { string(*texts.add(i)) }).collect()
}

/// Defines functions of the library: a body that dereferences what the caller hands in.
macro_rules! nvrtc {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> Status {
            // SAFETY: the caller keeps the contract that NVRTC's documentation gives for these arguments.
            unsafe { $body }
        }
    )*};
}

nvrtc! {
    fn nvrtcVersion(major: *mut c_int, minor: *mut c_int) {
        *major = 13;
        *minor = 0;
        SUCCESS
    }

    fn nvrtcCreateProgram(
        program: *mut *mut Program,
        text: *const c_char,
        name: *const c_char,
        headers: c_int,
        header_texts: *const *const c_char,
        header_names: *const *const c_char,
    ) {
        if program.is_null() || text.is_null() || headers < 0 {
            return INVALID_INPUT;
        }
        let name = if name.is_null() { "default_program".into() } else { string(name) };
        let headers = strings(header_names, headers).into_iter().zip(strings(header_texts, headers)).collect();
        let source = Source { text: string(text), name, headers };
        *program = Box::into_raw(Box::new(Program { source, log: String::new(), image: None }));
        SUCCESS
    }

    fn nvrtcDestroyProgram(program: *mut *mut Program) {
        if program.is_null() || (*program).is_null() {
            return INVALID_PROGRAM;
        }
        drop(Box::from_raw(*program));
        *program = std::ptr::null_mut();
        SUCCESS
    }

    fn nvrtcCompileProgram(program: *mut Program, count: c_int, options: *const *const c_char) {
        let Some(program) = program.as_mut() else { return INVALID_PROGRAM };
        let options = match Options::parse(&strings(options, count)) {
            Ok(options) => options,
            Err(log) => {
                program.log = log;
                return INVALID_OPTION;
            }
        };
        match build(&program.source, &options) {
            Ok(image) => {
                program.log.clear();
                program.image = Some((image, options));
                SUCCESS
            }
            Err(log) => {
                program.log = log;
                COMPILATION
            }
        }
    }

    fn nvrtcGetPTXSize(program: *mut Program, size: *mut usize) {
        let Some((image, _)) = program.as_ref().and_then(|program| program.image.as_ref()) else { return INVALID_PROGRAM };
        *size = image.to_text().len() + 1;
        SUCCESS
    }

    fn nvrtcGetPTX(program: *mut Program, text: *mut c_char) {
        let Some((image, _)) = program.as_ref().and_then(|program| program.image.as_ref()) else { return INVALID_PROGRAM };
        copy_string(&image.to_text(), text);
        SUCCESS
    }

    fn nvrtcGetCUBINSize(program: *mut Program, size: *mut usize) {
        let Some((image, options)) = program.as_ref().and_then(|program| program.image.as_ref()) else { return INVALID_PROGRAM };
        // NVRTC has machine code only for a real architecture.
        *size = if options.machine_code { image.to_bytes().len() } else { 0 };
        SUCCESS
    }

    fn nvrtcGetCUBIN(program: *mut Program, bytes: *mut c_char) {
        let Some((image, options)) = program.as_ref().and_then(|program| program.image.as_ref()) else { return INVALID_PROGRAM };
        if !options.machine_code {
            return INVALID_PROGRAM;
        }
        let image = image.to_bytes();
        std::ptr::copy_nonoverlapping(image.as_ptr(), bytes.cast(), image.len());
        SUCCESS
    }

    fn nvrtcGetProgramLogSize(program: *mut Program, size: *mut usize) {
        let Some(program) = program.as_ref() else { return INVALID_PROGRAM };
        *size = program.log.len() + 1;
        SUCCESS
    }

    fn nvrtcGetProgramLog(program: *mut Program, log: *mut c_char) {
        let Some(program) = program.as_ref() else { return INVALID_PROGRAM };
        copy_string(program.log.as_bytes(), log);
        SUCCESS
    }

    fn nvrtcGetNumSupportedArchs(count: *mut c_int) {
        *count = ARCHITECTURES.len() as c_int;
        SUCCESS
    }

    fn nvrtcGetSupportedArchs(architectures: *mut c_int) {
        std::ptr::copy_nonoverlapping(ARCHITECTURES.as_ptr(), architectures, ARCHITECTURES.len());
        SUCCESS
    }
}

/// What NVRTC 13.0 compiles for.
const ARCHITECTURES: [c_int; 11] = [75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120];

/// # Safety
/// `to` has room for the text and a zero byte.
unsafe fn copy_string(text: &[u8], to: *mut c_char) {
    // SAFETY: there is room, as the caller guarantees.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast(), text.len());
        *to.add(text.len()) = 0;
    }
}

#[unsafe(no_mangle)]
extern "C" fn nvrtcGetErrorString(status: Status) -> *const c_char {
    let text = match status {
        SUCCESS => c"NVRTC_SUCCESS",
        INVALID_INPUT => c"NVRTC_ERROR_INVALID_INPUT",
        INVALID_PROGRAM => c"NVRTC_ERROR_INVALID_PROGRAM",
        INVALID_OPTION => c"NVRTC_ERROR_INVALID_OPTION",
        COMPILATION => c"NVRTC_ERROR_COMPILATION",
        _ => c"NVRTC_ERROR unknown",
    };
    text.as_ptr()
}
