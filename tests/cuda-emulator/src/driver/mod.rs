//! libcuda's functions, as far as cudarc 0.19 uses them on one device with float data. Every operation is complete when its
//! function returns; streams and events keep the order for free.

pub(crate) mod context;
mod copy;
mod device;
mod error;
mod launch;
mod module;
mod object;
mod pool;
mod stream;

/// Defines functions of the library. The body returns an `Outcome`; its status goes to the caller and its report is kept.
macro_rules! driver {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> std::ffi::c_int {
            #[allow(unused_unsafe)] // some bodies only compute
            let body = move || -> $crate::report::Outcome {
                // SAFETY: the caller keeps the contract that CUDA's documentation gives for this function's arguments.
                unsafe { $body }
            };
            $crate::report::finish(body())
        }
    )*};
}
pub(crate) use driver;
