//! Data sets that the tests write themselves, good ones and bad ones.

mod batches;
mod checking;
mod colors;
mod damage;
mod decoding;
mod depth;
mod facades;
mod folders;
mod layouts;
mod output;
mod sides;
mod support;
