//! Chores of Strait's developers.

mod model;
mod shapes;

use std::path::PathBuf;

use clap::Parser;

/// Chores of Strait's developers.
#[derive(Parser)]
enum Chore {
    /// Writes crates/strait-wire/src/shapes: the names of AWS's parameters and answers, of the calls that Strait has.
    Shapes {
        /// botocore's folder, such as ~/.cache/strait-clients/lib/python3.11/site-packages/botocore.
        botocore: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Chore::parse() {
        Chore::Shapes { botocore } => shapes::write(&botocore),
    }
}
