//! The program: serve, demo, import, migrate, bench, and the commands for people.
fn main() {}
