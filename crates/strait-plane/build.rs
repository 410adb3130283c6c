//! A new migration is a reason to build: the macro that embeds them sees changed files only.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
