//! Prints the folder that goes on `LD_LIBRARY_PATH` to run a program on the emulator.

fn main() {
    println!("{}", cuda_emulator::library_folder().display());
}
