//! The poem adapter.
