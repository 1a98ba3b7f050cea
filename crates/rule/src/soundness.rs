//! The prefilter never hides a match: random rules on random events, with it and without.

use proptest::prelude::*;
use vigil_event::{Decodings, Event, Field};

use crate::{RuleFile, RuleSet, Scratch};

/// Fragments that the rules' literals and the events' texts are made of, so that they meet often.
const FRAGMENTS: [&str; 14] = [
    "ab", "abc", "BCD", "cd'", "<x", "select", "Union", " ", "..", "/", "=1", "x", "\u{e9}", "aab",
];

const PATTERNS: [&str; 20] = [
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
        "user_agent.original",
        "c-uri",
    ]);
    let literal = (
        prop::sample::select(vec![
            "",
            "|contains",
            "|startswith",
            "|endswith",
            "|contains|all",
            "|contains|cased",
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
    let other = prop::sample::select(vec![": null", "|exists: true"]).prop_map(str::to_owned);
    (field, prop_oneof![4 => literal, 4 => pattern, 1 => other])
        .prop_map(|(field, rest)| format!("{field}{rest}"))
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

fn event() -> impl Strategy<Value = Event> {
    (
        text(),
        text(),
        text(),
        prop::option::of(text()),
        any::<bool>(),
    )
        .prop_map(|(path, query, decoded, agent, upper)| {
            let path = if upper {
                path.to_ascii_uppercase()
            } else {
                path
            };
            let mut event = Event::new();
            event.set(Field::EventOriginal, format!("{path}?{query}").as_bytes());
            event.set(Field::UrlPath, path.as_bytes());
            event.set(Field::UrlQuery, query.as_bytes());
            if decoded != query {
                event.add_view(Field::UrlQuery, Decodings::PERCENT, decoded.as_bytes());
            }
            if let Some(agent) = agent {
                event.set(Field::UserAgent, agent.as_bytes());
            }
            event
        })
}

fn load(rules: &[String]) -> RuleSet {
    let head = |place: usize| {
        format!(
            "title: Rule {place}\nid: 6f2f6b1c-9a55-4cb0-8d1e-{place:012}\nlogsource:\n  category: webserver\nlevel: low\n"
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_prefilter_hides_no_match(
        rules in prop::collection::vec(rule(), 1..8),
        events in prop::collection::vec(event(), 1..12),
    ) {
        let set = load(&rules);
        let mut scratch = Scratch::new(&set);
        let mut hits = Vec::new();
        for event in &events {
            set.evaluate(event, &mut scratch, &mut hits);
            prop_assert_eq!(&hits, &set.evaluate_each(event), "{:?}\n{:#?}", event, rules);
        }
    }
}
