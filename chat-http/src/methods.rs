//! The paths there are, and the methods each of them has.

use poem::http::Method;

/// Which methods each path has: what `Allow` says.
#[derive(Debug, Default)]
pub(crate) struct Methods(Vec<Row>);

/// A path and its methods.
#[derive(Debug)]
pub(crate) struct Row {
    /// `{…}` stands for any one segment.
    pub(crate) pattern: String,
    pub(crate) allow: String,
    /// Whether it lasts, and is more than reading.
    pub(crate) is_stream: bool,
}

impl Methods {
    /// The same with one more path; `{…}` stands for any one segment.
    pub(crate) fn add(mut self, pattern: impl Into<String>, methods: impl IntoIterator<Item = Method>) -> Self {
        let mut names: Vec<String> = Vec::new();
        for method in methods {
            names.push(method.to_string());
            if method == Method::GET {
                names.push(Method::HEAD.to_string());
            }
        }
        self.0.push(Row { pattern: pattern.into(), allow: names.join(", "), is_stream: false });
        self
    }

    /// The same with one more path whose GET is a session: a HEAD of it would be one that nobody hears.
    pub(crate) fn add_stream(mut self, pattern: impl Into<String>) -> Self {
        self.0.push(Row { pattern: pattern.into(), allow: Method::GET.to_string(), is_stream: true });
        self
    }

    /// The row that a path fits.
    pub(crate) fn row(&self, path: &str) -> Option<&Row> {
        self.0.iter().find(|row| fits(&row.pattern, path))
    }
}

impl Row {
    /// The name of the parameter that this segment of the path is.
    pub(crate) fn parameter(&self, segment: usize) -> Option<&str> {
        self.pattern.split('/').nth(segment)?.strip_prefix('{')?.strip_suffix('}')
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || (one.starts_with('{') && !other.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow_names_the_methods_of_the_path() {
        let methods = Methods::default()
            .add("/rooms", [Method::GET, Method::POST])
            .add("/rooms/{room_id}/messages", [Method::GET])
            .add_stream("/rooms/{room_id}/events");
        let allow = |path| methods.row(path).map(|row| row.allow.as_str());
        assert_eq!(allow("/rooms"), Some("GET, HEAD, POST"));
        assert_eq!(allow("/rooms/7/messages"), Some("GET, HEAD"));
        assert_eq!(allow("/rooms/7/events"), Some("GET"));
        assert_eq!(allow("/rooms/"), None);
        assert_eq!(allow("/rooms//messages"), None);
        assert_eq!(allow("/rooms/7"), None);
    }
}
