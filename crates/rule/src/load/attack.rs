//! Tags: which are well-formed, and the ATT&CK techniques among them.

/// The tactics of MITRE ATT&CK for enterprises, as Sigma writes them.
pub(crate) const TACTICS: [&str; 14] = [
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
];

/// Checks a tag. The technique's id if it names one; an error that says how to write it.
pub(crate) fn technique(tag: &str) -> Result<Option<String>, &'static str> {
    let Some((space, name)) = tag.split_once('.') else {
        return Err("write it as `namespace.name`, such as `attack.t1190` or `cve.2021-44228`");
    };
    match space {
        "attack" => attack(name),
        "cve" if is_cve(name) => Ok(None),
        "cve" => Err("write it as `cve.2021-44228`"),
        _ if is_slug(space) && !name.is_empty() && name.split('.').all(is_slug) => Ok(None),
        _ => Err("use lower-case letters, digits, `-` and `_`"),
    }
}

/// The place in [`TACTICS`] of the tactic that a tag names.
pub(crate) fn tactic(tag: &str) -> Option<usize> {
    let name = tag.strip_prefix("attack.")?.replace('_', "-");
    TACTICS.iter().position(|tactic| *tactic == name)
}

/// A tactic's name as ATT&CK writes it.
pub(crate) fn title(tactic: &str) -> String {
    let words = tactic
        .split('-')
        .map(|word| match word.split_at_checked(1) {
            Some((first, rest)) if word != "and" => first.to_ascii_uppercase() + rest,
            _ => word.to_owned(),
        });
    words.collect::<Vec<_>>().join(" ")
}

fn attack(name: &str) -> Result<Option<String>, &'static str> {
    const ADVICE: &str = "write an ATT&CK technique as `attack.t1190` or `attack.t1059.007`, a tactic as `attack.initial-access`";
    let tactic = name.replace('_', "-");
    if TACTICS.contains(&tactic.as_str()) {
        return Ok(None);
    }
    // Groups and software have ids of the same form.
    let (main, sub) = name
        .split_once('.')
        .map_or((name, None), |(main, sub)| (main, Some(sub)));
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    match (main.split_at_checked(1), sub) {
        (Some(("t", number)), None) if digits(number, 4) => Ok(Some(name.to_ascii_uppercase())),
        (Some(("t", number)), Some(sub)) if digits(number, 4) && digits(sub, 3) => {
            Ok(Some(name.to_ascii_uppercase()))
        }
        (Some(("g" | "s", number)), None) if digits(number, 4) => Ok(None),
        _ => Err(ADVICE),
    }
}

fn is_cve(name: &str) -> bool {
    name.split_once(['-', '.']).is_some_and(|(year, number)| {
        year.len() == 4
            && number.len() >= 4
            && year
                .bytes()
                .chain(number.bytes())
                .all(|byte| byte.is_ascii_digit())
    })
}

fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_and_tactics() {
        for (tag, expected) in [
            ("attack.t1190", Ok(Some("T1190"))),
            ("attack.t1059.007", Ok(Some("T1059.007"))),
            ("attack.initial-access", Ok(None)),
            ("attack.initial_access", Ok(None)),
            ("attack.g0016", Ok(None)),
            ("cve.2021-44228", Ok(None)),
            ("cve.2021.44228", Ok(None)),
            ("detection.emerging-threats", Ok(None)),
        ] {
            assert_eq!(
                technique(tag),
                expected.map(|id| id.map(str::to_owned)),
                "{tag}"
            );
        }
        for tag in [
            "attack.t119",
            "attack.t1059.7",
            "attack.hacking",
            "attack.",
            "xss",
            "cve.99-1",
            "Big.tag",
            "a..b",
            "attack.\u{e9}1",
        ] {
            assert!(technique(tag).is_err(), "{tag}");
        }
    }
}
