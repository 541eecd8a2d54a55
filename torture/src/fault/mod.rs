//! Ways to break what a server stands on.
