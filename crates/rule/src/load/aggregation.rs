//! Sigma's former way of counting within a rule, which correlations took the place of.
//!
//! What: `selection | count(user) by c-ip > 10` in a condition, with `timeframe` beside it.
//! Such a rule is refused: it was a rule and a correlation in one, under one id, and whether its
//! time was cut into pieces or slid was up to each program. The reason that is given is the
//! correlation to write in its place.

/// The correlation that says the same as what stands behind the `|` of a condition; none where
/// nothing is counted there.
pub(crate) fn in_its_place(condition: &str) -> Option<String> {
    let (_, counted) = condition.split_once('|')?;
    let counted = counted.trim();
    if let Some(others) = counted.strip_prefix("near ") {
        let others = others.trim();
        return Some(format!(
            "`type: temporal` over this rule and one for `{others}`"
        ));
    }
    let (function, rest) = counted.split_once('(')?;
    let (field, rest) = rest.split_once(')')?;
    let kind = kind(function.trim(), field.trim().is_empty())?;
    let rest = rest.trim();
    let (group, comparison) = match rest.strip_prefix("by ") {
        Some(rest) => rest.trim_start().split_once(char::is_whitespace)?,
        None => ("", rest),
    };
    let (operator, number) = comparison.trim().split_once(char::is_whitespace)?;
    let operator = match operator {
        ">" => "gt",
        ">=" => "gte",
        "<" => "lt",
        "<=" => "lte",
        "=" | "==" => "eq",
        _ => return None,
    };
    let number: u64 = number.trim().parse().ok()?;
    let group = if group.is_empty() {
        String::new()
    } else {
        format!("`group-by: [{group}]`, ")
    };
    let field = match field.trim() {
        "" => String::new(),
        field => format!("field: {field}, "),
    };
    Some(format!(
        "`type: {kind}` over this rule, {group}`condition: {{{field}{operator}: {number}}}`"
    ))
}

fn kind(function: &str, counts_events: bool) -> Option<&'static str> {
    Some(match (function, counts_events) {
        ("count", true) => "event_count",
        ("count", false) => "value_count",
        ("sum", false) => "value_sum",
        ("avg", false) => "value_avg",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_has_a_correlation_in_its_place() {
        for (condition, expected) in [
            (
                "selection | count() by c-ip > 10",
                "`type: event_count` over this rule, `group-by: [c-ip]`, `condition: {gt: 10}`",
            ),
            (
                "a and not b | count(user) by src_ip >= 3",
                "`type: value_count` over this rule, `group-by: [src_ip]`, `condition: {field: user, gte: 3}`",
            ),
            (
                "a | count() < 5",
                "`type: event_count` over this rule, `condition: {lt: 5}`",
            ),
            (
                "a | sum(bytes) > 5000",
                "`type: value_sum` over this rule, `condition: {field: bytes, gt: 5000}`",
            ),
            (
                "a | near b and c",
                "`type: temporal` over this rule and one for `b and c`",
            ),
        ] {
            assert_eq!(
                in_its_place(condition).unwrap_or_default(),
                expected,
                "{condition}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_has_none() {
        for condition in [
            "selection",
            "a | b",
            "a | count(",
            "a | max(x) > 3",
            "a | count() by c-ip",
            "a | count() by c-ip > many",
            "a | count() by > 3",
            "",
        ] {
            assert_eq!(in_its_place(condition), None, "{condition}");
        }
    }
}
