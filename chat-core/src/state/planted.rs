//! Bugs that can be switched on, to show that the simulator finds them.
