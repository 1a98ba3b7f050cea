//! What is known of texts and requests from before changes no answer, whatever is sent.

use std::fmt::Write as _;

use proptest::prelude::*;
use vigil_event::whole::Pair;
use vigil_rule::seclang::{SecFile, SecFiles, SecHit, SecRules, SecScratch};

use crate::modsecurity::{Sent, event};

/// Rules that are dismissed in every way there is: by names, by bytes, by literals, by a later link, and
/// by what their first link came to before.
const RULES: &str = r#"
SecRule REQUEST_HEADERS_NAMES "@rx ^.*$" "id:1,phase:2,block,capture,t:lowercase,msg:'a',setvar:'tx.name_%{tx.0}=/%{tx.0}/',chain"
    SecRule TX:/^name_/ "@within /proxy/ /range/" "setvar:'tx.anomaly_score=+5'"
SecRule TX:/range/ "@rx ." "id:2,phase:2,block,msg:'b',setvar:'tx.anomaly_score=+5'"
SecRule REQUEST_METHOD "@streq GET" "id:3,phase:1,block,msg:'c',chain"
    SecRule REQUEST_HEADERS:Range "@rx ^b" "setvar:'tx.anomaly_score=+5'"
SecRule ARGS|ARGS_NAMES|REQUEST_HEADERS|!REQUEST_HEADERS:Range "@rx ['<]\s*(?:or|and)\b" "id:4,phase:2,block,t:urlDecodeUni,t:lowercase,msg:'d',setvar:'tx.anomaly_score=+5'"
SecRule ARGS "@detectSQLi" "id:5,phase:2,block,multiMatch,t:urlDecodeUni,t:removeNulls,msg:'e',setvar:'tx.anomaly_score=+5'"
SecRule ARGS|REQUEST_URI "@validateByteRange 32-126" "id:6,phase:2,block,t:urlDecodeUni,msg:'f',setvar:'tx.anomaly_score=+5'"
SecRule REQUEST_URI "!@rx ^/[a-z]*(?:\?|$)" "id:7,phase:1,block,msg:'g',setvar:'tx.anomaly_score=+5'"
SecRule ARGS:q|REQUEST_HEADERS:User-Agent "@rx ^$" "id:8,phase:2,block,msg:'h',setvar:'tx.anomaly_score=+5'"
SecRule REQUEST_FILENAME|REQUEST_BASENAME|QUERY_STRING "@pm select proxy" "id:9,phase:2,block,t:compressWhitespace,t:lowercase,msg:'i',setvar:'tx.anomaly_score=+5'"
SecRule ARGS "@beginsWith or" "id:10,phase:2,pass,nolog,skipAfter:END"
SecRule ARGS "@contains <" "id:11,phase:2,block,t:htmlEntityDecode,msg:'j',setvar:'tx.anomaly_score=+5'"
SecMarker END
SecRule REQUEST_HEADERS:X-A "@streq %{REQUEST_HEADERS.Range}" "id:13,phase:2,block,msg:'k',setvar:'tx.anomaly_score=+5'"
SecRule ARGS "@rx ^never" "id:12,phase:2,pass,nolog,setvar:'tx.unread=1'"
"#;

fn sent() -> impl Strategy<Value = Sent> {
    let value = || "(?:or|and|select|sel%65ct|Proxy|1|'|<|%00|%27|\\+|&lt;|ä| |\\.){0,4}";
    let name = prop::sample::select(vec![
        "Host",
        "User-Agent",
        "Range",
        "Proxy",
        "X-Range",
        "X-A",
    ]);
    let headers = prop::collection::vec((name, value()), 0..4);
    let cookies = "(?:(?:q|or|select)=(?:or|1|'|select|%27){0,2}(?:; ?|;')?){0,3}";
    let query = prop::collection::vec(("[qx]|or|select", value()), 0..3);
    (
        prop::sample::select(vec!["GET", "POST"]),
        "/(?:a|select|%2e|B)?",
        query,
        headers,
        cookies,
    )
        .prop_map(|(method, path, query, mut headers, cookies)| {
            headers.extend((!cookies.is_empty()).then_some(("cookie", cookies)));
            let query: Vec<String> = query
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let header =
                |(name, value): (&str, String)| Pair::new(name.as_bytes(), value.trim().as_bytes());
            Sent {
                method: method.into(),
                target: format!("{path}?{}", query.join("&").replace(' ', "+")).into(),
                version: b"1.1".into(),
                client: b"192.0.2.1".into(),
                headers: headers.into_iter().map(header).collect(),
                body: Vec::new(),
            }
        })
}

/// What the rules that are drawn look at: collections, some of which are parts of one another.
const VARIABLES: [&str; 28] = [
    "ARGS",
    "ARGS|!ARGS:q",
    "ARGS:q",
    "ARGS_NAMES",
    "REQUEST_HEADERS:X-A",
    "REQUEST_HEADERS|REQUEST_HEADERS_NAMES",
    "REQUEST_HEADERS_NAMES",
    "QUERY_STRING",
    "REQUEST_LINE|ARGS_GET",
    "REQUEST_URI|REQUEST_BASENAME",
    "REQUEST_URI_RAW",
    "REQUEST_COOKIES|REQUEST_COOKIES_NAMES",
    "REQUEST_PROTOCOL|REQUEST_METHOD",
    "&REQUEST_COOKIES:or",
    "&ARGS",
    "&ARGS:q",
    "&TX:/^n_/",
    "TX:a",
    "TX:0",
    "TX:1",
    "TX:/^n_/",
    "TX:/^n_proxy/",
    "TX:/r$/",
    "TX:/^[01]$/",
    "TX",
    "MATCHED_VAR",
    "MATCHED_VARS",
    "MATCHED_VARS_NAMES",
];

/// A rule of one link or two, each of variables, an operator, transformations and deeds, drawn from
/// what has shortcuts of its own.
fn rule() -> impl Strategy<Value = Vec<[String; 3]>> {
    let pick = |all: &'static [&'static str]| prop::sample::select(all);
    let variables = pick(&VARIABLES);
    let operator = pick(&[
        "@rx ^.*$",
        "@rx ^$",
        "@rx (o)(r)?",
        "@rx (?i)select|'",
        "!@rx ^[a-z]*$",
        "!@rx or",
        "@streq or",
        "@within /proxy/ or",
        "@within %{tx.a}",
        "@contains %{ARGS.q}",
        "@beginsWith or",
        "@pm select proxy",
        "@pm '; GET /? or1 1.1",
        "@endsWith or",
        "@rx (?i)t&[qx]=",
        "@eq 1",
        "@gt 1",
        "@detectSQLi",
        "@validateByteRange 32-126",
        "@unconditionalMatch",
    ]);
    let transforms = pick(&[
        "",
        "t:lowercase,",
        "t:urlDecodeUni,t:lowercase,",
        "t:removeNulls,",
        "t:urlDecodeUni,t:removeNulls,t:trim,multiMatch,",
        "t:lowercase,t:removeWhitespace,",
        "t:cmdLine,",
        "t:length,",
    ]);
    let deeds = pick(&[
        "",
        "",
        "capture,",
        "capture,setvar:'tx.n_%{tx.0}=/%{tx.0}/',",
        "setvar:'tx.n_%{MATCHED_VAR}=%{MATCHED_VAR}',",
        "capture,setvar:tx.a=%{tx.1},",
        "setvar:tx.a=+1,",
        "setvar:!tx.a,",
        "ctl:ruleRemoveById=3,",
        "ctl:ruleRemoveTargetById=2-4;ARGS:q,",
    ]);
    let link = (variables, operator, transforms, deeds);
    let link = link.prop_map(|(variables, operator, transforms, deeds)| {
        [variables, operator, &format!("{transforms}{deeds}")].map(str::to_owned)
    });
    prop::collection::vec(link, 1..=2)
}

/// The rules, of which some skip others; for `plain` such that none has a shortcut: each link looks at a
/// variable that rules could set, each match does something, and all that is set is read.
fn written(rules: &[(Vec<[String; 3]>, u8)], is_plain: bool) -> String {
    let (also, and) = if is_plain {
        ("|TX:never", "ctl:ruleRemoveById=99,")
    } else {
        ("", "")
    };
    let mut text = String::new();
    for (id, (links, kind)) in (1..).zip(rules) {
        for (number, [variables, operator, actions]) in links.iter().enumerate() {
            let head = match (number, kind) {
                (0, 0) => format!("id:{id},phase:2,pass,nolog,skipAfter:END,"),
                (0, 1) => format!("id:{id},phase:2,pass,nolog,"),
                (0, _) => format!("id:{id},phase:2,block,msg:'m',setvar:tx.anomaly_score=+5,"),
                _ => String::new(),
            };
            let chain = if number + 1 < links.len() {
                "chain,"
            } else {
                ""
            };
            writeln!(
                text,
                "SecRule {variables}{also} \"{operator}\" \"{head}{actions}{and}{chain}status:403\""
            )
            .unwrap();
        }
    }
    text.push_str("SecMarker END\nSecRule ARGS \"@rx z\" \"id:98,phase:2,block,log,msg:'z'\"\n");
    if is_plain {
        text.push_str("SecRule TX \"@rx ^never$\" \"id:97,phase:2,pass,ctl:ruleRemoveById=99\"\n");
        text.push_str(
            "SecRule TX:0 \"@rx ^never$\" \"id:96,phase:2,pass,ctl:ruleRemoveById=99\"\n",
        );
    }
    text
}

fn loaded(text: &str) -> SecRules {
    let file = SecFile {
        name: "a.conf".to_owned(),
        text: text.to_owned(),
    };
    let files = SecFiles {
        rules: vec![file],
        data: Vec::new(),
    };
    SecRules::load(&files, None).unwrap()
}

fn ids(rules: &SecRules, hits: &[SecHit]) -> Vec<String> {
    let ids = hits.iter().map(|hit| rules.rules()[hit.rule].id.clone());
    ids.collect()
}

fn get(target: &str) -> Sent {
    Sent {
        method: b"GET".into(),
        target: target.into(),
        version: b"1.1".into(),
        client: b"192.0.2.1".into(),
        ..Sent::default()
    }
}

/// What of these requests are findings, the last of them, each sent twice on one scratch.
fn found(text: &str, requests: &[Sent]) -> Vec<String> {
    let rules = loaded(text);
    let (mut scratch, mut hits) = (SecScratch::default(), Vec::new());
    for sent in requests.iter().flat_map(|sent| [sent, sent]) {
        hits.clear();
        rules.evaluate(&event(sent), &mut scratch, &mut hits);
    }
    ids(&rules, &hits)
}

#[test]
fn what_came_before_hides_nothing() {
    const NAMES: &str = "SecRule ARGS_NAMES \"@rx ^.*$\" \"id:1,phase:2,block,log,capture,msg:'a',setvar:'tx.n_%{tx.0}=/%{tx.0}/',chain\"
        SecRule TX:/^n_/ \"@within /Proxy/\"";
    for (text, requests) in [
        // A name in other letters took the place of the one that matches.
        (NAMES, &["/?Proxy=1&proxy=2", "/?Proxy=3"][..]),
        // Others of the same text, and of the same bytes in name and text together.
        (
            "SecRule ARGS:q \"@streq ab\" \"id:1,phase:2,block,msg:'a',setvar:tx.anomaly_score=+5\"",
            &["/?p=ab", "/?qa=b", "/?q=ab"],
        ),
        // Nothing but a null byte becomes an empty text.
        (
            "SecRule ARGS \"@rx ^$\" \"id:1,phase:2,block,msg:'a',setvar:tx.anomaly_score=+5,t:removeNulls\"",
            &["/?a=%00", "/?b=%00"],
        ),
        // A match's groups are read by another rule.
        (
            "SecRule ARGS \"@rx (.)$\" \"id:2,phase:2,pass,nolog,capture\"
             SecRule TX:1 \"@streq b\" \"id:1,phase:2,block,msg:'a',setvar:tx.anomaly_score=+5\"",
            &["/?a=b"],
        ),
        (
            "SecRule ARGS \"@rx (.)$\" \"id:2,phase:2,pass,nolog,setvar:'tx.n_%{MATCHED_VAR}=1'\"
             SecRule TX:/b$/ \"@eq 1\" \"id:1,phase:2,block,msg:'a',setvar:tx.anomaly_score=+5\"",
            &["/?a=b"],
        ),
        // The last that matched is the one that is known.
        (
            "SecRule ARGS \"@rx a\" \"id:1,phase:2,block,msg:'a',setvar:tx.anomaly_score=+5,chain\"
             SecRule MATCHED_VAR \"@streq ab\" \"t:none\"",
            &["/?a=ac&b=ab"],
        ),
        (
            "SecRule ARGS \"@unconditionalMatch\" \"id:1,phase:2,block,msg:'a',setvar:tx.anomaly_score=+5\"",
            &["/?a=b"],
        ),
    ] {
        let requests: Vec<Sent> = requests.iter().map(|target| get(target)).collect();
        assert_eq!(found(text, &requests), ["crs:1"], "{text}");
    }
}

#[test]
fn what_stands_behind_many_rules_is_found() {
    let other = |id: usize| {
        format!(
            "SecRule ARGS \"@streq none\" \"id:{id},phase:2,block,msg:'b',setvar:tx.anomaly_score=+5\"\n"
        )
    };
    let first =
        "SecRule ARGS \"@rx a\" \"id:2,phase:2,block,msg:'b',setvar:tx.anomaly_score=+5\"\n";
    let one =
        "SecRule ARGS \"@rx a\" \"id:1,phase:2,block,msg:'a',setvar:tx.anomaly_score=+5,chain\"
        SecRule QUERY_STRING \"@endsWith b\"\n";
    // At each place of a word of bits, and behind it.
    for before in [0, 1, 62, 63, 64, 65, 127, 128] {
        let before: String = (0..before).map(|number| other(1_000 + number)).collect();
        for after in ["", &other(9)] {
            let text = format!("{first}{before}{one}{after}");
            assert_eq!(found(&text, &[get("/?q=ab")]), ["crs:2", "crs:1"], "{text}");
            assert_eq!(found(&text, &[get("/?q=ac")]), ["crs:2"]);
        }
    }
}

#[test]
fn what_was_too_much_says_nothing_of_other_requests() {
    let text = format!(
        "SecRule ARGS \"@rx z\" \"id:2,phase:2,block,msg:'b',{}setvar:tx.anomaly_score=+5\"\n\
         SecRule ARGS \"@rx evil\" \"id:1,phase:2,block,msg:'a',t:hexDecode,setvar:tx.anomaly_score=+5\"",
        "t:hexEncode,".repeat(8)
    );
    let big = Sent {
        method: b"POST".into(),
        headers: vec![Pair::new(
            b"Content-Type",
            b"application/x-www-form-urlencoded",
        )],
        body: format!("a={}&q=6576696c", "x".repeat(100_000)).into(),
        ..get("/")
    };
    let small = Sent {
        body: b"a=b&q=6576696c".into(),
        ..big.clone()
    };
    assert_eq!(
        found(&text, std::slice::from_ref(&big)),
        Vec::<String>::new()
    );
    assert_eq!(found(&text, &[big, small]), ["crs:1"]);
}

proptest! {
    #[test]
    fn shortcuts_change_no_answer(
        rules in prop::collection::vec((rule(), 0..6_u8), 1..6),
        requests in prop::collection::vec(sent(), 1..8),
    ) {
        let [loaded, plain] = [false, true].map(|is_plain| loaded(&written(&rules, is_plain)));
        let told = |rules: &SecRules, scratch: &mut SecScratch, sent: &Sent| {
            let mut hits = Vec::new();
            rules.evaluate(&event(sent), scratch, &mut hits);
            hits
        };
        let mut scratch = SecScratch::default();
        for _ in 0..4 {
            for sent in &requests {
                let said = || format!("{sent:?}\n{}", written(&rules, false));
                let fresh = told(&loaded, &mut SecScratch::default(), sent);
                let expected = ids(&plain, &told(&plain, &mut SecScratch::default(), sent));
                prop_assert_eq!(ids(&loaded, &fresh), expected, "{}", said());
                prop_assert_eq!(told(&loaded, &mut scratch, sent), fresh, "{}", said());
            }
        }
    }

    #[test]
    fn what_is_known_changes_no_answer(requests in prop::collection::vec(sent(), 1..24)) {
        let rules = loaded(RULES);
        let mut scratch = SecScratch::default();
        for _ in 0..4 {
            for sent in &requests {
                let event = event(sent);
                let (mut fresh, mut again) = (Vec::new(), Vec::new());
                rules.evaluate(&event, &mut SecScratch::default(), &mut fresh);
                rules.evaluate(&event, &mut scratch, &mut again);
                prop_assert_eq!(fresh, again, "{:?}", sent);
            }
        }
    }
}
