//! Numbers as text for people.

/// `1 client`, `2 clients`.
#[must_use]
pub fn counted(count: impl TryInto<u64>, thing: &str) -> String {
    let count = whole(count);
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", number(count))
}

/// `1st`, `2nd`, `3rd`, `4th`, `11th`, `33rd`.
#[must_use]
pub fn ordinal(number: impl TryInto<u64>) -> String {
    let number = whole(number);
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// `once`, `twice`, `3 times`.
#[must_use]
pub fn times(count: impl TryInto<u64>) -> String {
    match whole(count) {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{} times", number(count)),
    }
}

/// `1,234,567`.
#[must_use]
pub fn number(number: impl TryInto<u64>) -> String {
    let digits = whole(number).to_string();
    let grouped = digits.bytes().enumerate().flat_map(|(place, digit)| {
        let comma = (place > 0 && (digits.len() - place).is_multiple_of(3)).then_some(',');
        comma.into_iter().chain([char::from(digit)])
    });
    grouped.collect()
}

fn whole(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(
            [1_u64, 2, 3, 4, 11, 12, 13, 21, 33, 111].map(ordinal).join(" "),
            "1st 2nd 3rd 4th 11th 12th 13th 21st 33rd 111th"
        );
        assert_eq!(
            [0_usize, 1, 2, 1_000].map(|count| counted(count, "client")).join(", "),
            "0 clients, 1 client, 2 clients, 1,000 clients"
        );
        assert_eq!([1_usize, 2, 3].map(times).join(", "), "once, twice, 3 times");
        assert_eq!([0_usize, 999, 1_000, 1_234_567].map(number).join(" "), "0 999 1,000 1,234,567");
    }
}
