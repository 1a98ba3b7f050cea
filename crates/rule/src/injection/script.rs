//! Texts of which a quick look tells that libinjection takes them for no script.
//!
//! *Input*: a text. *Output*: whether it surely is no injection. *How*: libinjection objects to tags and
//! comments, which begin with `<`, and to values of some attributes, which stand behind `=`. *Limits*:
//! where there is one of these, or a null byte, which it skips, libinjection has to be asked.

/// The attributes that it objects to, and what others begin with.
const NAMES: [&str; 19] = [
    "action",
    "attributename",
    "by",
    "background",
    "dataformatas",
    "datasrc",
    "dynsrc",
    "filter",
    "formaction",
    "folder",
    "from",
    "handler",
    "href",
    "lowsrc",
    "poster",
    "src",
    "style",
    "to",
    "values",
];
const STARTS: [&str; 3] = ["on", "xmlns", "xlink"];

/// Whether it surely is no injection.
pub(super) fn is_harmless(text: &[u8]) -> bool {
    if memchr::memchr2(b'<', 0, text).is_some() {
        return false;
    }
    let mut signs = memchr::memchr_iter(b'=', text);
    !signs.any(|sign| text.get(..sign).is_some_and(ends_in_attribute))
}

/// Whether what stands before a value is the name of such an attribute.
fn ends_in_attribute(text: &[u8]) -> bool {
    let is_space = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ');
    let is_of_name = |byte: &u8| !is_space(byte) && !b"/=>".contains(byte);
    let end = text.iter().rposition(|byte| !is_space(byte));
    let text = end.and_then(|end| text.get(..=end)).unwrap_or_default();
    let start = text.iter().rposition(|byte| !is_of_name(byte));
    let name = text.get(start.map_or(0, |start| start + 1)..);
    // Behind a quote, a name begins if the quote ends a value, and goes on if it does not.
    let mut names = name
        .unwrap_or_default()
        .split(|byte| b"'\"`".contains(byte));
    names.any(|name| {
        let starts_with = |start: &str| {
            let own = name.get(..start.len());
            own.is_some_and(|own| own.eq_ignore_ascii_case(start.as_bytes()))
        };
        let is_name = |one: &&str| name.len() == one.len() && starts_with(one);
        NAMES.iter().any(is_name) || STARTS.iter().any(|start| starts_with(start))
    })
}

#[cfg(test)]
mod tests {
    use libinjectionrs::detect_xss;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_most_texts_are_is_harmless() {
        for text in [
            "",
            "a & b > c",
            "https://shop.example/search?q=red&page=2&to_=1",
            "{\"a\": \"b=c\"}",
            "style sheet",
        ] {
            assert!(is_harmless(text.as_bytes()), "{text}");
        }
        for text in [
            "<b>",
            "x onload=y",
            "' style \x0b= x",
            "xlink:href=a",
            "o\0nload=x",
        ] {
            assert!(!is_harmless(text.as_bytes()), "{text}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => "[ \t\n\u{b}\u{c}\r\0=/><'\"`a:\u{ff}-]",
            3 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
            2 => prop::sample::select(&["onload", "ONCLICK", "xmlns", "xlink:x", "x", "Href"][..])
                .prop_map(str::to_owned),
            1 => Just("javascript:".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn no_injection_is_harmless(pieces in prop::collection::vec(piece(), 0..10)) {
            let text = pieces.concat();
            let is_injection = detect_xss(text.as_bytes()).is_injection();
            prop_assert!(!(is_harmless(text.as_bytes()) && is_injection), "{text:?}");
        }
    }

    /// Each name that is left out of the list would be told here.
    #[test]
    fn every_attribute_that_counts_is_known() {
        for name in NAMES.iter().chain(&["onload", "xmlns", "xlink:href"]) {
            let values = ["x", "javascript:x", "onload"];
            let texts = values.map(|value| format!("{name}={value}"));
            let is_one = |text: &String| detect_xss(text.as_bytes()).is_injection();
            assert!(texts.iter().any(is_one), "{name}");
        }
    }
}
