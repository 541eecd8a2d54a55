//! Lists with a placeholder for each row, in a few sizes only: every other size would be another prepared statement, and
//! push one out of the driver's cache.

#[cfg(any(feature = "sqlite", feature = "mysql"))]
use std::fmt::Write as _;

#[cfg(any(feature = "sqlite", feature = "mysql"))]
use sea_orm::Value;

/// The most rows a statement has: SQLite takes 32,766 values at most, and MariaDB makes a table of a list of 1,000.
pub(in crate::store::sea) const MOST_ROWS: usize = 512;

/// `group` as often as there are rows, separated by commas.
pub(in crate::store::sea) fn repeated(group: &str, rows: usize) -> String {
    let mut sql = String::with_capacity((group.len() + 1) * rows);
    for row in 0..rows {
        if row > 0 {
            sql.push(',');
        }
        sql.push_str(group);
    }
    sql
}

/// The rows and, up to the next power of two, the last of them again.
pub(in crate::store::sea) fn padded<T: Copy>(rows: &[T]) -> Vec<T> {
    let last = rows.last().copied();
    rows.iter().copied().chain(last.into_iter().cycle()).take(rows.len().next_power_of_two()).collect()
}

/// Numbers as one text, in which a database reads the list: in brackets, between commas.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(super) fn bracketed(ids: &[i64]) -> Value {
    let mut list = String::with_capacity(2 + 8 * ids.len());
    for (place, id) in ids.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(list, "{}{id}", if place == 0 { '[' } else { ',' });
    }
    list.push_str(if ids.is_empty() { "[]" } else { "]" });
    list.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_few_sizes() {
        assert_eq!(padded(&[1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
        assert_eq!(padded(&[7]), [7]);
        assert_eq!(repeated("(?)", 3), "(?),(?),(?)");
        #[cfg(any(feature = "sqlite", feature = "mysql"))]
        assert_eq!([&[][..], &[7], &[1, 2]].map(bracketed), ["[]", "[7]", "[1,2]"].map(Value::from));
    }
}
