//! Statements about a list of rows: each does the same for many rows at once, so that their number does not grow with a batch.

use sea_orm::{ConnectionTrait, QueryResult, Value};

#[cfg(any(feature = "sqlite", feature = "mysql"))]
use super::lists::{padded, repeated};
use super::{
    super::{
        error::SqlError,
        run::{Run, Transaction},
    },
    Dialect,
    lists::MOST_ROWS,
};

/// The rows that a statement is about. They are the table `k` in it, each of them once.
#[derive(Debug)]
pub(in crate::store::sea) struct Rows {
    columns: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

/// As many of them as a statement takes.
#[derive(Debug, Clone, Copy)]
pub(in crate::store::sea) struct Chunk<'a> {
    /// The columns of `k`.
    pub(super) columns: &'a [&'static str],
    /// Their values, in rows. There is at least one.
    pub(super) rows: &'a [Vec<Value>],
}

/// What is done for each row. A table may have a [hint](super::Dialect::by_index) behind it.
#[derive(Debug, Clone, Copy)]
pub(in crate::store::sea) enum About<'a> {
    /// Rows are read from `tables` (the first is looked up by `k`) under the condition `on`.
    Select {
        columns: &'a str,
        tables: &'a str,
        on: &'a str,
        /// Whether texts of `k` are compared, or ranges begin at its numbers: MySQL uses its indexes only with constants then.
        #[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "the others use their indexes all the same"))]
        with_constants: bool,
    },
    /// The rows of `table` change for which `on` holds. `set` qualifies nothing but the columns of `k`.
    Update { table: &'a str, set: &'a str, on: &'a str },
    /// The rows go whose columns, called as those of `k`, have these values.
    Delete { table: &'a str },
    /// The rows are put into the table where there is none with the same key; `key` is as in [`Put`](Self::Put).
    PutNew {
        table: &'a str,
        #[cfg_attr(not(any(feature = "sqlite", feature = "postgres")), expect(dead_code, reason = "MySQL finds it"))]
        key: usize,
    },
    /// The rows are put into the table, in place of those with the same key.
    Put {
        table: &'a str,
        /// How many of the columns, from the first on, are the key.
        key: usize,
        /// The column that may be null. An empty text may stand for null in it.
        #[cfg_attr(
            not(feature = "postgres"),
            expect(dead_code, reason = "only the arrays of PostgreSQL hold no nulls")
        )]
        optional: &'static str,
    },
}

/// A statement and its values.
pub(in crate::store::sea) type Statement = (String, Vec<Value>);

impl Rows {
    /// These rows, with as many values each as there are columns.
    pub(in crate::store::sea) fn new<const WIDTH: usize>(
        columns: &'static [&'static str; WIDTH],
        rows: impl IntoIterator<Item = [Value; WIDTH]>,
    ) -> Self {
        Self { columns, rows: rows.into_iter().map(Vec::from).collect() }
    }

    /// What is read for them; nothing is asked for no row.
    pub(in crate::store::sea) async fn query(
        &self,
        run: &Run<'_, impl ConnectionTrait>,
        what: About<'_>,
    ) -> Result<Vec<QueryResult>, SqlError> {
        let mut found = Vec::new();
        for (sql, values) in self.statements(run.dialect, what) {
            found.append(&mut run.query(&sql, values).await?);
        }
        Ok(found)
    }

    /// Does this with them; nothing is done with no row.
    pub(in crate::store::sea) async fn execute(
        &self,
        run: &Run<'_, impl ConnectionTrait>,
        what: About<'_>,
    ) -> Result<(), SqlError> {
        for (sql, values) in self.statements(run.dialect, what) {
            run.execute(&sql, values).await?;
        }
        Ok(())
    }

    /// The same, at the latest when the transaction commits.
    pub(in crate::store::sea) async fn execute_later(
        &self,
        run: &Transaction<'_>,
        what: About<'_>,
    ) -> Result<(), SqlError> {
        for (sql, values) in self.statements(run.dialect, what) {
            run.execute_later(&sql, values).await?;
        }
        Ok(())
    }

    /// Their statements, of so many rows each.
    fn statements<'a>(
        &'a self,
        dialect: &'static dyn Dialect,
        what: About<'a>,
    ) -> impl Iterator<Item = Statement> + Send + 'a {
        self.rows.chunks(MOST_ROWS).map(move |rows| dialect.about(Chunk { columns: self.columns, rows }, what))
    }
}

impl Chunk<'_> {
    /// The rows and, up to the next power of two, rows of nulls: no key is found for these.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(super) fn filled_up(&self) -> Vec<Vec<Value>> {
        let mut rows = self.rows.to_vec();
        let nothing = self.rows.last().map(|row| row.iter().map(Value::as_null).collect()).unwrap_or_default();
        rows.resize(self.rows.len().next_power_of_two(), nothing);
        rows
    }

    /// The rows as a list of placeholders, in a few sizes only, and their values.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(super) fn listed(&self) -> Statement {
        self.listed_as(&format!("({})", repeated("?", self.columns.len())), ",")
    }

    /// The same with another text for each row, and between them.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(super) fn listed_as(&self, row: &str, between: &str) -> Statement {
        let padded = padded(&self.rows.iter().collect::<Vec<_>>());
        (vec![row; padded.len()].join(between), padded.into_iter().flatten().cloned().collect())
    }

    /// The columns in a list.
    pub(super) fn names(&self) -> String {
        self.columns.join(", ")
    }

    /// Puts the rows into a table, in place of those with the same key. `conflict` says what is done with the rest of the columns.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(super) fn put(&self, table: &str, conflict: &str) -> Statement {
        let (list, values) = self.listed();
        (format!("INSERT INTO {table} ({}) VALUES {list} {conflict}", self.names()), values)
    }

    /// What leaves a row with the same key as it is, on databases that know `ON CONFLICT`.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn unless_there(&self, key: usize) -> String {
        format!("ON CONFLICT ({}) DO NOTHING", self.columns[..key].join(", "))
    }

    /// What is done where a row with the same key is there, on databases that know `ON CONFLICT`.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn on_conflict(&self, key: usize) -> String {
        let (key, rest) = self.columns.split_at(key);
        let set: Vec<_> = rest.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        let then = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
        format!("ON CONFLICT ({}) DO {then}", key.join(", "))
    }
}
