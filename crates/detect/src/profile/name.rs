//! What parameters are called, with what only counts left out.

/// The longest name that is told from others, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 64;

/// So many digits are no part of a name but the number of something.
const MANY_DIGITS: usize = 4;

/// What the numbers of a list in JSON follow.
const LIST: &str = "array_";

/// Names that come from mails, advertisements and social networks, on any site and all of a sudden, and the
/// one that scripts add so that nothing keeps the answer.
const CAMPAIGN: [&str; 17] = [
    "_",
    "fbclid",
    "gclid",
    "dclid",
    "gbraid",
    "wbraid",
    "msclkid",
    "yclid",
    "igshid",
    "mc_cid",
    "mc_eid",
    "_ga",
    "_gl",
    "ttclid",
    "twclid",
    "li_fat_id",
    "srsltid",
];

/// The name a parameter goes by: the digits in it do not matter where they count things or are many.
pub(crate) fn name_key(name: &[u8], key: &mut String) {
    key.clear();
    let Ok(name) = std::str::from_utf8(name) else {
        key.push_str("{bytes}");
        return;
    };
    if name.len() > MAX_NAME_BYTES {
        key.push_str("{long}");
        return;
    }
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        key.push('#');
        return;
    }
    let mut within = false;
    let mut digits = 0;
    let mut in_list = false;
    for character in name.chars() {
        within = (within || character == '[') && character != ']';
        if !character.is_ascii_digit() {
            digits = 0;
            in_list = false;
            key.push(character);
            continue;
        }
        digits += 1;
        in_list = in_list || key.ends_with(LIST);
        if within || in_list || digits == MANY_DIGITS {
            let before = key.trim_end_matches(|one: char| one.is_ascii_digit());
            key.truncate(before.len());
            if !key.ends_with('#') {
                key.push('#');
            }
        } else if digits < MANY_DIGITS {
            key.push(character);
        }
    }
}

/// Whether a parameter of that name says what brought the visitor, or has none: a sign too many.
pub(crate) fn is_campaign(name: &str) -> bool {
    name.is_empty() || name.starts_with("utm_") || CAMPAIGN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_count_do_not_matter() {
        let mut key = String::new();
        for (name, expected) in [
            (&b"id"[..], "id"),
            (b"1699999", "#"),
            (b"a[12][x]", "a[#][x]"),
            (b"filter[]", "filter[]"),
            (b"md5", "md5"),
            (b"nr_rooms_7437547_91284670", "nr_rooms_#_#"),
            (b"sha256", "sha256"),
            (b"a[20261][x]", "a[#][x]"),
            (b"where.tags.array_12.id", "where.tags.array_#.id"),
            (b"\xff", "{bytes}"),
            (b"", ""),
        ] {
            name_key(name, &mut key);
            assert_eq!(key, expected);
        }
    }
}
