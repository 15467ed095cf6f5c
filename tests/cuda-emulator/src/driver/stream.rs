//! Streams and events. Everything is complete when its call returns, so a stream is a number and an event a moment.
#![allow(non_snake_case)] // the names are libcuda's

use std::collections::HashMap;
use std::ffi::{c_int, c_uint, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::context::check_context;
use super::driver;
use crate::report::{Failure, Outcome};
use crate::status;

static NEXT: AtomicUsize = AtomicUsize::new(0x1000);

/// Live events, with the moment of their last record.
static EVENTS: Mutex<Option<HashMap<usize, Option<Instant>>>> = Mutex::new(None);

fn with_events<R>(act: impl FnOnce(&mut HashMap<usize, Option<Instant>>) -> R) -> R {
    act(EVENTS.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert_default())
}

fn unknown_event() -> Failure {
    Failure::new(status::INVALID_HANDLE, "not a live event")
}

/// The moment at which an event was recorded.
fn moment(event: usize) -> Outcome<Instant> {
    let recorded = with_events(|events| events.get(&event).copied()).ok_or_else(unknown_event)?;
    recorded.ok_or_else(|| Failure::new(status::INVALID_HANDLE, "the event was never recorded"))
}

/// # Safety
/// The pointers have room for a number each.
unsafe fn elapsed(milliseconds: *mut f32, start: usize, end: usize) -> Outcome {
    check_context()?;
    let (start, end) = (moment(start)?, moment(end)?);
    // SAFETY: the caller guarantees it.
    unsafe { *milliseconds = end.saturating_duration_since(start).as_secs_f32() * 1e3 };
    Ok(())
}

driver! {
    fn cuStreamCreate(stream: *mut usize, _flags: c_uint) {
        check_context()?;
        *stream = NEXT.fetch_add(8, Ordering::Relaxed);
        Ok(())
    }

    fn cuStreamCreateWithPriority(stream: *mut usize, _flags: c_uint, _priority: c_int) {
        check_context()?;
        *stream = NEXT.fetch_add(8, Ordering::Relaxed);
        Ok(())
    }

    fn cuCtxGetStreamPriorityRange(least: *mut c_int, greatest: *mut c_int) {
        check_context()?;
        (*least, *greatest) = (0, 0);
        Ok(())
    }

    fn cuStreamDestroy_v2(_stream: usize) {
        check_context()
    }

    fn cuStreamSynchronize(_stream: usize) {
        check_context()
    }

    fn cuStreamQuery(_stream: usize) {
        check_context()
    }

    fn cuStreamIsCapturing(_stream: usize, capturing: *mut c_int) {
        *capturing = 0;
        check_context()
    }

    fn cuStreamWaitEvent(_stream: usize, event: usize, _flags: c_uint) {
        check_context()?;
        with_events(|events| events.contains_key(&event)).then_some(()).ok_or_else(unknown_event)
    }

    fn cuLaunchHostFunc(_stream: usize, function: unsafe extern "C" fn(*mut c_void), argument: *mut c_void) {
        check_context()?;
        function(argument);
        Ok(())
    }

    fn cuEventCreate(event: *mut usize, _flags: c_uint) {
        check_context()?;
        let number = NEXT.fetch_add(8, Ordering::Relaxed);
        with_events(|events| events.insert(number, None));
        *event = number;
        Ok(())
    }

    fn cuEventDestroy_v2(event: usize) {
        with_events(|events| events.remove(&event)).ok_or_else(unknown_event)?;
        check_context()
    }

    fn cuEventRecord(event: usize, _stream: usize) {
        check_context()?;
        with_events(|events| events.get_mut(&event).map(|recorded| *recorded = Some(Instant::now()))).ok_or_else(unknown_event)
    }

    fn cuEventSynchronize(_event: usize) {
        check_context()
    }

    fn cuEventQuery(_event: usize) {
        check_context()
    }

    fn cuEventElapsedTime(milliseconds: *mut f32, start: usize, end: usize) {
        elapsed(milliseconds, start, end)
    }

    fn cuEventElapsedTime_v2(milliseconds: *mut f32, start: usize, end: usize) {
        elapsed(milliseconds, start, end)
    }
}
