//! How messages are searched: what the words of a text are, what of them stands in an index, and when a text has what is
//! looked for. By Unicode's tables and never by a database's, so that a search finds the same everywhere.
//!
//! - An index has the [`terms`] of each text, and where they stand as [`postings`]. Words are terms. In scripts that are
//!   written without spaces between words (and in Korean), each two neighbouring characters are a term, and the last one of
//!   a run by itself.
//! - A [`TextQuery`] says which terms to [look up](TextQuery::lookups). What has all of them is a candidate, no more:
//!   [`TextQuery::matches`] decides by the text.

mod page;
pub mod postings;
mod query;
mod runs;
mod terms;

pub use page::{MAX_CANDIDATES, SearchCursor, SearchPage, SearchQuery, Unindexed};
pub use query::{Lookup, MAX_LOOKUPS, TextQuery};
pub use terms::{MAX_TERM_BYTES, MAX_TERMS, terms};
