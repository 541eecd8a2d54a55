//! Lists with a placeholder for each row, in a few sizes only: every other size would be another prepared statement, and
//! push one out of the driver's cache.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_few_sizes() {
        assert_eq!(padded(&[1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
        assert_eq!(padded(&[7]), [7]);
        assert_eq!(repeated("(?)", 3), "(?),(?),(?)");
    }
}
