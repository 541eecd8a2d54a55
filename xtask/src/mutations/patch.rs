//! A patch: a unified diff of one file, whose hunks are found by their lines alone and not by their numbers.

use crate::sh::Result;

/// A change that breaks something.
pub(super) struct Patch {
    pub(super) name: String,
    /// The promise that the simulator finds broken.
    pub(super) found_as: String,
    /// The file, from the root.
    pub(super) path: String,
    hunks: Vec<Hunk>,
}

/// Lines, and what stands there instead.
#[derive(Default)]
struct Hunk {
    old: String,
    new: String,
}

impl Patch {
    /// Reads a patch: what it is, a line `Found as: PROMISE`, and a unified diff of one file.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self> {
        let found_as = text.lines().find_map(|line| line.strip_prefix("Found as: "));
        let found_as = found_as.ok_or_else(|| format!("{name} has no line `Found as: …`"))?;
        let (_, diff) = text.split_once("\n+++ b/").ok_or_else(|| format!("{name} is no unified diff"))?;
        let mut lines = diff.lines();
        let path = lines.next().unwrap_or_default().trim_end();
        let mut hunks: Vec<Hunk> = Vec::new();
        for line in lines {
            let Some((mark, rest)) = line.split_at_checked(1) else { continue };
            match (mark, hunks.last_mut()) {
                ("@", _) => hunks.push(Hunk::default()),
                (" ", Some(hunk)) => {
                    hunk.old += &format!("{rest}\n");
                    hunk.new += &format!("{rest}\n");
                }
                ("-", Some(hunk)) => hunk.old += &format!("{rest}\n"),
                ("+", Some(hunk)) => hunk.new += &format!("{rest}\n"),
                _ => return Err(format!("{name} has a line that is none of a diff: {line}").into()),
            }
        }
        if hunks.is_empty() {
            return Err(format!("{name} changes nothing").into());
        }
        Ok(Self { name: name.to_owned(), found_as: found_as.trim_end().to_owned(), path: path.to_owned(), hunks })
    }

    /// The file's text with the change. Each hunk's lines must stand there exactly once.
    pub(super) fn apply(&self, text: &str) -> Result<String> {
        let mut text = text.to_owned();
        for hunk in &self.hunks {
            let count = text.matches(&hunk.old).count();
            if count != 1 {
                let path = &self.path;
                return Err(format!("{path} has these lines {count} times instead of once:\n{}", hunk.old).into());
            }
            text = text.replacen(&hunk.old, &hunk.new, 1);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "It breaks b.\nFound as: GaplessOnce\n\n--- a/x.rs\n+++ b/x.rs\n@@ -2 +2 @@\n a\n-b\n+c\n";

    #[test]
    fn lines_are_found_wherever_they_stand() {
        let patch = Patch::parse("x", PATCH).unwrap();
        assert_eq!((patch.path.as_str(), patch.found_as.as_str()), ("x.rs", "GaplessOnce"));
        assert_eq!(patch.apply("0\n0\na\nb\nb\n").unwrap(), "0\n0\na\nc\nb\n");
    }

    #[test]
    fn lines_that_are_not_there_once_are_refused() {
        let patch = Patch::parse("x", PATCH).unwrap();
        assert!(patch.apply("a\nd\n").is_err());
        assert!(patch.apply("a\nb\na\nb\n").is_err());
        assert!(
            Patch::parse("x", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n").is_err(),
            "it does not say as what it is found"
        );
    }
}
