//! Every width, depth, factor and constant, read from TOML; the presets.
