//! What is known of texts and requests from before changes no answer, whatever is sent.

use proptest::prelude::*;
use vigil_event::whole::Pair;
use vigil_rule::seclang::{SecFile, SecFiles, SecRules, SecScratch};

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
    let value = || "(?:or|and|select|Proxy|1|'|<|%00|%27|\\+|&lt;|ä| |\\.){0,4}";
    let name = prop::sample::select(vec![
        "Host",
        "User-Agent",
        "Range",
        "Proxy",
        "X-Range",
        "X-A",
    ]);
    let headers = prop::collection::vec((name, value()), 0..4);
    let query = prop::collection::vec(("[qx]|or|select", value()), 0..3);
    (
        prop::sample::select(vec!["GET", "POST"]),
        "/(?:a|select|%2e|B)?",
        query,
        headers,
    )
        .prop_map(|(method, path, query, headers)| {
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

proptest! {
    #[test]
    fn what_is_known_changes_no_answer(requests in prop::collection::vec(sent(), 1..24)) {
        let file = SecFile { name: "a.conf".to_owned(), text: RULES.to_owned() };
        let files = SecFiles { rules: vec![file], data: Vec::new() };
        let rules = SecRules::load(&files, None).unwrap();
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
