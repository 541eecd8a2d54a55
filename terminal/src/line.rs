//! Parses what the user typed: a text or a command.

/// What the commands do, in one line.
pub(crate) const HELP: &str =
    "/who: who is here   /typing: show that you are typing   /help   /quit   //…: send a text that begins with a slash";

/// A line that the user typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// An empty line.
    Nothing,
    /// A text to send.
    Text(&'a str),
    Who,
    Typing,
    Help,
    Quit,
    /// The answer to an unknown command. The line is not sent, since it may be a mistyped command.
    Unknown(String),
}

impl<'a> Line<'a> {
    pub(crate) fn parse(line: &'a str) -> Self {
        let words = line.trim();
        let Some(command) = words.strip_prefix('/') else {
            return if words.is_empty() { Self::Nothing } else { Self::Text(line) };
        };
        if command.starts_with('/') {
            return Self::Text(command);
        }
        match command.to_ascii_lowercase().as_str() {
            "who" => Self::Who,
            "typing" => Self::Typing,
            "help" | "?" => Self::Help,
            "quit" => Self::Quit,
            _ => Self::Unknown(format!(
                "! there is no command {words}, and it was not sent. /help lists the commands; /{words} sends it as a text"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_commands() {
        assert_eq!(Line::parse("  "), Line::Nothing);
        assert_eq!(Line::parse(" Hello "), Line::Text(" Hello "));
        assert_eq!(Line::parse("and/or"), Line::Text("and/or"));
        assert_eq!(Line::parse("/who"), Line::Who);
        assert_eq!(Line::parse(" /Quit "), Line::Quit);
        assert_eq!(Line::parse("/?"), Line::Help);
    }

    #[test]
    fn a_text_that_begins_with_a_slash_is_sent_with_two() {
        assert_eq!(Line::parse("//etc is full"), Line::Text("/etc is full"));
        assert_eq!(Line::parse("//who"), Line::Text("/who"));
        assert_eq!(Line::parse("///"), Line::Text("//"));
    }

    #[test]
    fn an_unknown_command_is_told_and_not_sent() {
        for line in ["/me waves", "/qiut", "/", "/quit now", " /join general", "/etc is full"] {
            assert!(matches!(Line::parse(line), Line::Unknown(told) if told.contains(line.trim())), "{line}");
        }
    }
}
