//! How long deliveries took.

/// Times in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// Adds one.
    pub(crate) fn add(&mut self, us: u64) {
        self.0.push(u32::try_from(us).unwrap_or(u32::MAX));
    }

    /// The times, in milliseconds, that these parts of all did not exceed; 0 without any.
    pub(crate) fn at<const N: usize>(&mut self, parts: [f64; N]) -> [f64; N] {
        self.0.sort_unstable();
        parts.map(|part| {
            let index = (self.0.len() as f64 * part).ceil() as usize;
            self.0.get(index.saturating_sub(1)).map_or(0.0, |us| f64::from(*us) / 1e3)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_all() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.at([0.5, 1.0]), [0.0, 0.0]);
        (1..=1_000).rev().for_each(|us| latencies.add(us * 1_000));
        assert_eq!(latencies.at([0.0, 0.5, 0.99, 1.0]), [1.0, 500.0, 990.0, 1_000.0]);
    }
}
