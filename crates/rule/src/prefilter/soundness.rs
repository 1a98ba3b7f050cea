//! The prefilter never hides a match: random expressions against what they are said to require,
//! and random rules on random events, with the prefilter and without. Events come again, with other
//! numbers too, so that what is remembered of them is put to the test.

use proptest::prelude::*;
use proptest::sample::Index;
use vigil_event::{Decodings, Event, Field, Timestamp};

use crate::pattern::{self, Flags};
use crate::prefilter::bytes::{self, ByteSet};
use crate::prefilter::literal::{self, Literal};
use crate::seen::alike::{Alike, Verdict};
use crate::{RuleFile, RuleSet, Scratch, prefilter::either, prefilter::required};

/// Fragments that the rules' literals and the events' texts are made of, so that they meet often.
const FRAGMENTS: [&str; 17] = [
    "ab", "abc", "BCD", "cd'", "<x", "select", "Union", " ", "..", "/", "=1", "x", "\u{e9}", "aab",
    "7", "03", "ab1=",
];

const PATTERNS: [&str; 36] = [
    r"\d{2}ab",
    "=[0-4]",
    r"^(?:ab|x\W*03)$",
    r"[^\w]*(?:cd'|union)[^\w]*(?:=|$)",
    r"union|['=]\d|<x",
    "ab[^7]",
    r"\b(?:0|1=)",
    "x(?:03|[1-3]+)$",
    r"cd'.*\d",
    r"\D\D7",
    "ab1=.*ab",
    "abc",
    "(?i)bcd|union",
    r"(?i)union\s+select",
    "a+b+c",
    "(?:ab|cd'){2,}",
    "(?:ab|cd'){2}",
    "(?:abc)?cd'",
    "(?i)s[ae]lect",
    r"^ab.*cd'$",
    "x{3}",
    r"(?:\.\.)+/",
    "[a-c]{2}d",
    "(?i)k?abc|<x(?:ab|=1)",
    r"\bunion\b|select.+ab",
    "(?:ab.*|cd'.*|select)x",
    "[\u{e9}x]ab",
    "(?s).{3}select",
    "(?:a|b|c)(?:a|b|c)(?:a|b|c)d?=1",
    "",
    "(?:)+ab",
    "(?:abc)*cd'",
    "(?:<x)*select",
    "(?:<|')?ab",
    "'*union",
    r"(?:\.\.){0,2}ab",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(FRAGMENTS.to_vec()), 0..5)
        .prop_map(|parts| parts.concat())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn line() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec![
        "url.path",
        "url.query",
        "url.query.raw",
        "url.query.decoded",
        "url.query.sql",
        "url.parameter.name",
        "url.parameter.value",
        "user_agent.original",
        "c-uri",
        "label",
        "other label",
    ]);
    let literal = (
        prop::sample::select(vec![
            "",
            "|contains",
            "|startswith",
            "|endswith",
            "|contains|all",
            "|contains|cased",
            "|neq",
            "|windash|contains",
            "|utf16le|contains",
        ]),
        prop::collection::vec(
            (
                text(),
                prop::sample::select(vec!["x", "x", "x", "*ab", "ab?"]),
            ),
            1..4,
        ),
    )
        .prop_map(|(modifiers, values)| {
            let values: Vec<_> = values
                .into_iter()
                .map(|(text, end)| quoted(&format!("{text}{end}")))
                .collect();
            format!("{modifiers}: [{}]", values.join(", "))
        });
    let pattern = (prop::sample::select(PATTERNS.to_vec()), any::<bool>()).prop_map(
        |(pattern, ignore_case)| {
            format!(
                "|re{}: {}",
                if ignore_case { "|i" } else { "" },
                quoted(pattern)
            )
        },
    );
    let other = prop::sample::select(vec![
        ": null",
        "|exists: true",
        "|fieldref|contains: label",
        "|base64offset: abc",
    ])
    .prop_map(str::to_owned);
    let text = (field, prop_oneof![4 => literal, 4 => pattern, 1 => other])
        .prop_map(|(field, rest)| format!("{field}{rest}"));
    prop_oneof![9 => text, 1 => number()]
}

/// Lines that ask for numbers, and for texts that differ from record to record.
fn number() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "http.response.status_code: 404",
        "http.response.status_code|startswith: 4",
        "http.response.body.bytes|gte: 500",
        "http.response.body.bytes|exists: true",
        "source.ip|cidr: 192.0.2.0/24",
        "source.ip|endswith: '.1'",
        "vigil.decode.depth|gte: 1",
        "vigil.address.first_seen_seconds|lt: 60",
        "vigil.session.first_seen_seconds|exists: true",
        "vigil.address.tries|gte: 2",
        "'@timestamp|hour|gte': 12",
        "c-uri|fieldref|contains: source.ip",
    ])
    .prop_map(str::to_owned)
}

fn rule() -> impl Strategy<Value = String> {
    let condition = prop::sample::select(vec![
        "s0",
        "s0 and s1",
        "s0 or s1",
        "s0 and not s1",
        "not s0 and not s1",
        "(s0 or s1) and s2",
        "s0 or (s1 and not s2)",
        "1 of them",
        "all of s*",
        "2 of them",
        "not 2 of them",
    ]);
    let selection = prop_oneof![
        line().prop_map(|line| format!("\n    - {line}")),
        (line(), line()).prop_map(|(one, two)| format!("\n    - {one}\n    - {two}")),
        text().prop_map(|text| format!("\n    - {}", quoted(&format!("{text}ab")))),
    ];
    (condition, [selection.clone(), selection.clone(), selection]).prop_map(
        |(condition, [one, two, three])| {
            format!("detection:\n  s0:{one}\n  s1:{two}\n  s2:{three}\n  condition: {condition}\n")
        },
    )
}

/// The texts of an event: its path, its query, the query decoded, the agent, and labels.
type Parts = (String, String, String, Option<String>, Vec<(bool, String)>);

fn parts() -> impl Strategy<Value = Parts> {
    let path = (text(), any::<bool>()).prop_map(|(path, upper)| {
        if upper {
            path.to_ascii_uppercase()
        } else {
            path
        }
    });
    let labels = prop::collection::vec((any::<bool>(), text()), 0..3);
    (path, text(), text(), prop::option::of(text()), labels)
}

/// The same text, but for some of its digits.
fn alike(text: &str, more: u8) -> String {
    let digit = |place: usize, digit: char| match digit.to_digit(10) {
        Some(value) if place.is_multiple_of(2) || more > 5 => {
            char::from_digit((value + u32::from(more)) % 10, 10).unwrap_or(digit)
        }
        _ => digit,
    };
    let characters = text.chars().enumerate();
    characters.map(|(place, one)| digit(place, one)).collect()
}

fn event((path, query, decoded, agent, labels): &Parts, more: u8) -> Event {
    let [path, query, decoded] = [path, query, decoded].map(|text| alike(text, more));
    let mut event = Event::new();
    event.set(Field::EventOriginal, format!("{path}?{query}").as_bytes());
    event.set(Field::UrlPath, path.as_bytes());
    event.set(Field::UrlQuery, query.as_bytes());
    if decoded != query {
        event.add_view(Field::UrlQuery, Decodings::PERCENT, decoded.as_bytes());
    }
    if let Some(sign) = decoded.find('=') {
        event.add_parameter(0..sign, sign + 1..decoded.len());
    }
    event.add_view(Field::UrlQuery, Decodings::SQL, path.as_bytes());
    if let Some(agent) = agent {
        event.set(Field::UserAgent, alike(agent, more).as_bytes());
    }
    for (other, value) in labels {
        let name = if *other { "other label" } else { "label" };
        event.add_label(name.as_bytes(), value.as_bytes());
    }
    event
}

/// The same request at another time, with another answer.
fn visit(mut event: Event, [status, bytes, address, hour, depth, new]: [bool; 6]) -> Event {
    event.status = if status { 404 } else { 200 };
    event.set(Field::Status, event.status.to_string().as_bytes());
    event.body_bytes = if bytes { 500 } else { 7 };
    event.set(Field::BodyBytes, event.body_bytes.to_string().as_bytes());
    let address = if address { "192.0.2.1" } else { "198.51.100.2" };
    event.source_ip = address.parse().ok();
    event.set(Field::SourceIp, address.as_bytes());
    event.occurred_at = Timestamp::from_millis(if hour { 50_000_000 } else { 0 });
    event.decode_depth = u8::from(depth);
    event.first_seen = [
        Some(u32::from(!new) * 60),
        None,
        new.then_some(0),
        None,
        None,
    ];
    event.tries = new.then_some(2);
    event
}

fn load(rules: &[String]) -> RuleSet {
    let head = |place: usize| {
        format!(
            "title: Rule {place}\nid: 6f2f6b1c-9a55-4cb0-8d1e-{place:012}\nlogsource:\n  service: nginx\nlevel: low\n"
        )
    };
    let texts: Vec<_> = rules
        .iter()
        .enumerate()
        .map(|(place, rule)| head(place) + rule)
        .collect();
    let file = RuleFile {
        name: "x.yml".to_owned(),
        text: texts.join("---\n"),
    };
    RuleSet::load(&[file]).unwrap_or_else(|errors| panic!("{errors:#?}\n{rules:#?}"))
}

/// Expressions over few letters and signs, so that they often match.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a", "b", "ab", "B", "<", "'", "[ab]", "[a'<]", "[^a]", r"\b", r"\B", ".", "^", "$",
        "\u{e9}", "_", "", "1", "7", "[0-4]", r"\d", r"\D",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 24, 4, |inner| {
            let count =
                prop::sample::select(vec!["?", "*", "+", "{2}", "{2,}", "{0,2}", "{1,3}", "{0}"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..4)
                    .prop_map(|parts| format!("(?:{})", parts.join("|"))),
                (inner, count).prop_map(|(part, count)| format!("(?:{part}){count}")),
            ]
        })
}

/// Whether a literal occurs in a text, judged by its definition.
fn occurs(literal: &Literal, text: &[u8]) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| literal::is_word(*byte));
    (0..=text.len()).any(|start| {
        let (before, rest) = text.split_at(start);
        let Some((here, after)) = rest.split_at_checked(literal.bytes.len()) else {
            return false;
        };
        here.eq_ignore_ascii_case(&literal.bytes)
            && !(literal.starts_word && is_word(before.last()))
            && !(literal.ends_word && is_word(after.first()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_match_contains_what_is_required(
        pattern in pattern(),
        ignore_case: bool,
        texts in prop::collection::vec("[aAbB<'_ \u{e9}]{0,9}", 12),
    ) {
        let flags = Flags { ignore_case, ..Flags::default() };
        let parsed = pattern::parse(&pattern, flags).unwrap();
        let regex = parsed.compile(&pattern, flags).unwrap();
        let (literals, bytes) = (required::literals(&parsed.hir), bytes::of_pattern(&parsed.hir));
        let either = either::of_pattern(&parsed.hir);
        for text in texts.iter().map(String::as_bytes).filter(|text| regex.is_match(text)) {
            let found = ByteSet::of(text);
            for set in &literals {
                prop_assert!(set.iter().any(|one| occurs(one, text)), "{} {:?} {:?}", pattern, text, set);
            }
            for set in &bytes {
                prop_assert!(set.meets(found), "{} {:?} {:?}", pattern, text, set);
            }
            if let Some(one) = &either {
                let is_there = one.bytes.meets(found) || one.literals.iter().any(|one| occurs(one, text));
                prop_assert!(is_there, "{} {:?} {:?}", pattern, text, one);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_is_said_of_texts_that_are_alike_holds_for_each(
        pattern in prop_oneof![pattern(), prop::sample::select(PATTERNS.to_vec()).prop_map(str::to_owned)],
        ignore_case: bool,
        texts in prop::collection::vec("[abx017'= ]{0,9}", 12),
        digits in prop::collection::vec("[0-9]{9}", 6),
    ) {
        let flags = Flags { ignore_case, ..Flags::default() };
        let expression = pattern::parse(&pattern, flags).unwrap().expression(&pattern, flags).unwrap();
        for text in texts.iter().map(String::as_bytes) {
            let verdict = expression.of_all(Alike(text));
            for digits in &digits {
                let bytes = text.iter().zip(digits.bytes()).enumerate();
                let changed = bytes.map(|(place, (byte, digit))| {
                    if Alike(text).is_of_number(place) { digit } else { *byte }
                });
                let other: Vec<u8> = changed.collect();
                let matches = expression.is_match(&other);
                prop_assert!(verdict == Verdict::Depends || verdict == Verdict::sure(matches),
                    "{} {:?} {:?} {:?}", pattern, text, other, verdict);
            }
        }
    }
}

#[test]
fn each_rule_asks_for_bytes_in_views_of_its_own() {
    let rule = |field| {
        let pattern = quoted("['<]");
        format!("detection:\n  s0:\n    {field}|re: {pattern}\n  condition: s0\n")
    };
    let set = load(&["url.path", "user_agent.original"].map(rule));
    let (mut scratch, mut hits) = (Scratch::new(&set), Vec::new());
    for (path, agent, expected) in [
        ("/'", "a", &[0][..]),
        ("/", "<", &[1]),
        ("/<", "'", &[0, 1]),
        ("/", "a", &[]),
    ] {
        let text = |text: &str| text.to_owned();
        let parts = (
            text(path),
            text(""),
            text(""),
            Some(text(agent)),
            Vec::new(),
        );
        set.evaluate(&event(&parts, 0), &mut scratch, &mut hits);
        let found: Vec<usize> = hits.iter().map(|hit| hit.rule).collect();
        assert_eq!(found, expected, "{path} {agent}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_prefilter_hides_no_match(
        rules in prop::collection::vec(rule(), 1..8),
        events in prop::collection::vec(parts(), 1..6),
        visits in prop::collection::vec((any::<Index>(), 0..9_u8, any::<[bool; 6]>()), 1..60),
    ) {
        let set = load(&rules);
        let mut scratch = Scratch::new(&set);
        let mut hits = Vec::new();
        // What comes for the third time is known, and what is alike.
        for (parts, more, numbers) in visits {
            let event = &visit(event(parts.get(&events), more), numbers);
            set.evaluate(event, &mut scratch, &mut hits);
            prop_assert_eq!(&hits, &set.evaluate_each(event), "{:?}\n{:#?}", event, rules);
        }
    }
}
