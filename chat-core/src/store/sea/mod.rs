//! The store in SQL, through sea-orm.
