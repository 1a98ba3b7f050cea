//! Makes the folder of the built page if there is none, so that cargo can watch it and embeds the
//! page as soon as it is built.

use std::path::Path;

fn main() {
    let page = Path::new("../../dashboard/dist");
    // A source tree that can't be written has no page to be built later either.
    _ = std::fs::create_dir_all(page);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", page.display());
}
