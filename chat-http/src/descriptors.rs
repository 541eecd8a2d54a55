//! How many connections a process has file descriptors for.

/// How many connections there may be unless it is said otherwise, however many descriptors there are: at some 20 KiB each.
const MOST: usize = 16_384;
/// What is left for the database, the log and files. Without it, a flood of connections would take these away, too.
const RESERVED: usize = 128;

/// How many connections there may be, by the process's limit on descriptors.
pub(crate) fn for_connections() -> usize {
    within(limit())
}

fn within(descriptors: usize) -> usize {
    // With very few, half of them are for connections.
    descriptors.saturating_sub(RESERVED).max(descriptors / 2).clamp(1, MOST)
}

#[cfg(target_os = "linux")]
fn limit() -> usize {
    use nix::sys::resource::{Resource, getrlimit};
    let soft = getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft);
    soft.and_then(|soft| usize::try_from(soft).ok()).unwrap_or(usize::MAX)
}

/// Other systems are not asked.
#[cfg(not(target_os = "linux"))]
const fn limit() -> usize {
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_left_for_the_rest() {
        for (descriptors, connections) in [
            (0, 1),
            (16, 8),
            (200, 100),
            (256, 128),
            (1_024, 896),
            (20_000, 16_384),
            (1_048_576, 16_384),
            (usize::MAX, 16_384),
        ] {
            assert_eq!(within(descriptors), connections, "{descriptors}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_limit_is_that_of_this_process() {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
        assert_eq!(limit().to_string(), soft.unwrap());
    }
}
