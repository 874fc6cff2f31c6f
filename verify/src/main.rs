//! The `trueloss` command.
fn main() {}
