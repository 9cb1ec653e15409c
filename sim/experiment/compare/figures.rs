//! Numbers as people read them: three digits, thousands apart.

/// Digits that are shown of what is below a thousand.
const DIGITS: i32 = 3;

/// A number in at least three digits: `0.00123`, `1.23`, `12.3`, `1,235`.
pub fn figure(number: f64) -> String {
    with_decimals(number, decimals(number))
}

/// A number and what it may be off by, to the same decimal: `12.3 ± 0.4`.
pub fn interval(mean: f64, half: f64) -> String {
    let decimals = decimals(mean);
    format!("{} ± {}", with_decimals(mean, decimals), with_decimals(half, decimals))
}

/// Decimals that make three digits; none of what is a hundred or more, and of nought.
fn decimals(number: f64) -> usize {
    if number == 0.0 {
        return 0;
    }
    let magnitude = libm::floor(libm::log10(number.abs())) as i32;
    (DIGITS - 1 - magnitude).clamp(0, 9) as usize
}

fn with_decimals(number: f64, decimals: usize) -> String {
    let plain = format!("{:.decimals$}", number.abs());
    let (whole, rest) = plain.split_once('.').map_or((plain.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::new();
    // What rounds to nought has no sign.
    if number < 0.0 && plain.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        out.push('-');
    }
    for (nth, digit) in whole.chars().enumerate() {
        if nth > 0 && (whole.len() - nth) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    match rest {
        Some(rest) => out + "." + rest,
        None => out,
    }
}

/// A share as signed percent: `+12.3 %`.
pub fn percent(share: f64) -> String {
    format!("{}{} %", if share > 0.0 { "+" } else { "" }, figure(share * 100.0))
}

/// `a`, `a and b`, `a, b and c`; of more than five the first four and how many others.
pub fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= 5 => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} others", names[..4].join(", "), names.len() - 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_their_thousands_apart() {
        let written = [0.0, 0.001_234, 0.5, 1.234, 12.34, 123.4, 1_234.5, 9_999_999.0, -12.34, -1e-12].map(figure);
        let expected = ["0", "0.00123", "0.500", "1.23", "12.3", "123", "1,234", "9,999,999", "-12.3", "0.000000000"];
        assert_eq!(written, expected);
        let intervals = [(7_586.2, 100.4), (2.083, 0.003), (-12.34, 0.56), (0.0, 2.0)];
        assert_eq!(
            intervals.map(|(mean, half)| interval(mean, half)),
            ["7,586 ± 100", "2.08 ± 0.00", "-12.3 ± 0.6", "0 ± 2"]
        );
        assert_eq!([0.123, -0.05, 0.0].map(percent), ["+12.3 %", "-5.00 %", "0 %"]);
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        let names: Vec<String> = ["a", "b", "c", "d", "e", "f", "g"].map(String::from).into();
        let lists = [0, 1, 2, 3, 5, 6, 7].map(|count| listed(&names[..count]));
        assert_eq!(
            lists,
            [
                "",
                "a",
                "a and b",
                "a, b and c",
                "a, b, c, d and e",
                "a, b, c, d and 2 others",
                "a, b, c, d and 3 others"
            ]
        );
    }
}
