//! What every parser promises about any bytes whatever.

pub mod promises;
