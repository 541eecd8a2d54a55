//! The paths of a mount, and the methods of each.

use poem::http::Method;

/// The methods of each path, as `Allow` lists them.
#[derive(Debug, Default)]
pub(crate) struct Methods(Vec<Row>);

/// A path and its methods.
#[derive(Debug)]
pub(crate) struct Row {
    /// `{…}` matches any one segment.
    pub(crate) pattern: String,
    pub(crate) allow: String,
    /// Whether a GET lasts and has effects, as an event stream or a socket does.
    pub(crate) is_stream: bool,
}

impl Methods {
    /// Adds a path; `{…}` matches any one segment.
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

    /// Adds a path whose GET starts a session. HEAD is not allowed there: it would start a session that nobody listens
    /// to.
    pub(crate) fn add_stream(mut self, pattern: impl Into<String>) -> Self {
        self.0.push(Row { pattern: pattern.into(), allow: Method::GET.to_string(), is_stream: true });
        self
    }

    /// The row that matches a path.
    pub(crate) fn row(&self, path: &str) -> Option<&Row> {
        self.0.iter().find(|row| fits(&row.pattern, path))
    }
}

impl Row {
    /// The name of the parameter at this segment of the path.
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
