//! Times as scenarios write them.
//!
//! *Input*: numbers with units one after the other, as Go reads them, and days. *Output*:
//! microseconds. *Example*: `0.5s`, `1m30s`, `24h`. *Limits*: [`Bucket::TIME_US`].

use super::Bucket;

/// The microseconds of the units there are; the longer name first.
const UNITS: [(&str, f64); 6] = [
    ("ms", 1e3),
    ("us", 1.0),
    ("s", 1e6),
    ("m", 60e6),
    ("h", 3_600e6),
    ("d", 86_400e6),
];

/// The microseconds; none where it is no time or out of bounds.
pub(super) fn microseconds(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut sum = 0.0;
    if rest.is_empty() || rest.len() > 32 {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|sign: char| !sign.is_ascii_digit() && sign != '.')
            .filter(|length| *length > 0)?;
        let (number, after) = rest.split_at_checked(digits)?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        sum += number.parse::<f64>().ok()? * factor;
        rest = after.strip_prefix(unit)?;
    }
    let whole = sum.round() as i64;
    Bucket::TIME_US.contains(&whole).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_go_and_days() {
        for (text, expected) in [
            ("0.5s", Some(500_000)),
            ("10s", Some(10_000_000)),
            ("1m30s", Some(90_000_000)),
            ("500ms", Some(500_000)),
            ("24h", Some(86_400_000_000)),
            ("2d", Some(172_800_000_000)),
            ("", None),
            ("10", None),
            ("s", None),
            ("1x", None),
            ("-5s", None),
            ("1.2.3s", None),
            ("0s", None),
            ("32d", None),
            ("99999999999999999999999999h", None),
        ] {
            assert_eq!(microseconds(text), expected, "{text}");
        }
    }
}
