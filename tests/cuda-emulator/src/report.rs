//! Failures: a CUDA status code with a report for a person, kept per host thread.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::{CString, c_char, c_int};
use std::sync::Mutex;

use crate::status::{self, Status};

/// Why a call failed.
pub(crate) struct Failure {
    pub status: Status,
    pub report: String,
    /// Whether the context is of no use from now on, as after a fault inside a kernel.
    pub sticky: bool,
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub fn new(status: Status, report: impl Into<String>) -> Failure {
        Failure { status, report: report.into(), sticky: false }
    }

    /// A failure inside a kernel: every later call of this host thread fails with it too.
    pub fn sticky(status: Status, report: impl Into<String>) -> Failure {
        Failure { status, report: report.into(), sticky: true }
    }

    /// A failure described by its status alone.
    pub fn plain(status: Status) -> Failure {
        Failure::new(status, status::meaning(status))
    }
}

#[derive(Default)]
struct Last {
    status: Status,
    report: String,
    poison: Option<(Status, String)>,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::new(Last::default());
}

/// Keeps the outcome's report for the calling thread and returns its status code.
pub(crate) fn finish(outcome: Outcome) -> c_int {
    let Err(failure) = outcome else { return status::SUCCESS };
    if std::env::var_os("CUDA_EMULATOR_VERBOSE").is_some() {
        eprintln!("cuda-emulator: {}", failure.report);
    }
    LAST.with_borrow_mut(|last| {
        last.status = failure.status;
        if failure.sticky && last.poison.is_none() {
            last.poison = Some((failure.status, failure.report.clone()));
        }
        last.report = failure.report;
    });
    failure.status
}

/// Fails with the fault that the calling thread met earlier, if any.
pub(crate) fn check_poison() -> Outcome {
    LAST.with_borrow(|last| match &last.poison {
        Some((status, report)) => Err(Failure::new(*status, report.clone())),
        None => Ok(()),
    })
}

/// Forgets the calling thread's fault and report.
pub(crate) fn recover() {
    LAST.with_borrow_mut(|last| *last = Last::default());
}

/// The calling thread's last report; empty if nothing failed.
pub(crate) fn last() -> String {
    LAST.with_borrow(|last| last.report.clone())
}

/// The text for `status`: the calling thread's last report if it has that status, otherwise what the code means.
pub(crate) fn text_of(status: Status) -> *const c_char {
    let text = LAST.with_borrow(|last| match last.status == status && !last.report.is_empty() {
        true => last.report.clone(),
        false => status::meaning(status).to_string(),
    });
    interned(&text)
}

/// The text as a C string that lives as long as the process; each text is kept once.
pub(crate) fn interned(text: &str) -> *const c_char {
    static TEXTS: Mutex<Option<HashSet<&'static std::ffi::CStr>>> = Mutex::new(None);
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    let mut guard = TEXTS.lock().unwrap_or_else(|e| e.into_inner());
    let texts = guard.get_or_insert_default();
    if let Some(known) = texts.get(text.as_c_str()) {
        return known.as_ptr();
    }
    let text: &'static std::ffi::CStr = Box::leak(text.into_boxed_c_str());
    texts.insert(text);
    text.as_ptr()
}
