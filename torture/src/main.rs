//! `cargo xtask torture`: breaks a server in many ways while clients use it, and judges what they saw.

fn main() {}
