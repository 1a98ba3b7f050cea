//! What each form of Sigma's language means for an event.

use vigil_event::{Decodings, Event, Field, Timestamp};
use vigil_rule::{Hit, RuleFile, RuleSet, Scratch};

/// A rule with this detection, which is indented YAML without its key.
pub(crate) fn rule(detection: &str) -> RuleFile {
    let detection = detection.replace('\n', "\n  ");
    RuleFile {
        name: "test/rule.yml".to_owned(),
        text: format!(
            "title: Test\nid: 6f2f6b1c-9a55-4cb0-8d1e-000000000001\nlogsource:\n  category: webserver\nlevel: high\n\
             detection:\n  {detection}\n"
        ),
    }
}

/// A request for a page, with a query in an encoded form.
fn event() -> Event {
    let mut event = Event::new();
    event.set(
        Field::EventOriginal,
        b"GET /Admin/index.php?id=1%27+OR+1&q=\xff agent Mozilla/5.0",
    );
    event.set(Field::Method, b"GET");
    event.set(Field::UrlPath, b"/Admin/index.php");
    event.set(Field::UrlQuery, b"id=1%27+OR+1&q=\xff");
    event.add_view(
        Field::UrlQuery,
        Decodings::PERCENT.with(Decodings::PLUS),
        b"id=1' OR 1&q=\xff",
    );
    event.set(Field::UserAgent, b"Mozilla/5.0");
    event.set(Field::Referrer, b"");
    event.set(Field::Status, b"404");
    event.occurred_at = Timestamp::from_millis(1_795_176_000_123);
    event.source_ip = "192.0.2.77".parse().ok();
    event.status = 404;
    event.body_bytes = 612;
    event.decode_depth = 1;
    event
}

fn hits(detection: &str) -> Vec<Hit> {
    let rules = RuleSet::load(&[rule(detection)]).unwrap_or_else(|errors| panic!("{}", errors[0]));
    let mut hits = Vec::new();
    rules.evaluate(&event(), &mut Scratch::new(&rules), &mut hits);
    hits
}

/// Whether a selection of one line matches.
fn selects(line: &str) -> bool {
    !hits(&format!("selection:\n  {line}\ncondition: selection")).is_empty()
}

#[test]
fn modifiers_and_values() {
    for (line, expected) in [
        ("url.path: /admin/INDEX.php", true),
        ("url.path|cased: /admin/index.php", false),
        ("url.path: /admin", false),
        ("url.path: ['/a', '/admin/index.php']", true),
        ("url.path|contains: ADMIN", true),
        ("url.path|contains|cased: ADMIN", false),
        ("url.path|contains|cased: Admin", true),
        ("url.path|contains: [nothing, index]", true),
        ("url.path|contains|all: [index, admin]", true),
        ("url.path|contains|all: [index, nothing]", false),
        ("url.path|startswith: /admin", true),
        ("url.path|startswith: admin", false),
        ("url.path|endswith: [.asp, .PHP]", true),
        ("url.path|endswith: index", false),
        ("url.path: '*index*'", true),
        ("url.path: '/admin/*.php'", true),
        ("url.path: '/admin/?????.php'", true),
        ("url.path: '/admin/????.php'", false),
        (r"url.path: '/admin/\*.php'", false),
        ("url.path|contains: 'adm?n'", true),
        ("url.path|endswith: 'in*.php'", true),
        ("url.path|startswith: 'in*.php'", false),
        ("url.path|re: '^/Admin/[a-z]+\\.php$'", true),
        ("url.path|re: '^/admin'", false),
        ("url.path|re|i: '^/admin'", true),
        ("url.path|re: ['^x', 'php$']", true),
        ("url.path|re|all: ['^x', 'php$']", false),
        ("url.query|contains: \"1' or\"", true),
        ("url.query.raw|contains: \"1' or\"", false),
        ("url.query.decoded|contains: \"1' or\"", true),
        ("url.query.decoded|contains: '%27'", false),
        ("url.query.raw|contains: '%27'", true),
        ("c-uri|contains: \"1' or\"", true),
        ("cs-user-agent|startswith: mozilla", true),
        ("http.request.headers.cookie: null", true),
        ("url.path: null", false),
        ("http.request.referrer: ''", true),
        ("http.request.headers.cookie: ''", false),
        ("http.request.headers.cookie|exists: false", true),
        ("http.request.headers.cookie|exists: true", false),
        ("url.path|exists: true", true),
        ("url.path: '*'", true),
        ("http.request.headers.cookie: '*'", false),
        ("http.response.status_code: 404", true),
        ("http.response.status_code: '404'", true),
        ("http.response.status_code: [200, 403]", false),
        ("http.response.status_code|gte: 400", true),
        ("http.response.status_code|gt: 404", false),
        ("http.response.status_code|lt: 405", true),
        ("http.response.status_code|lte: 403", false),
        ("http.response.status_code|startswith: 4", true),
        ("http.response.status_code: '4??'", true),
        ("http.response.body.bytes|gt: 611", true),
        ("vigil.decode.depth|gte: 2", false),
        ("source.ip|cidr: 192.0.2.0/24", true),
        ("source.ip|cidr: ['2001:db8::/32', 198.51.100.0/24]", false),
        ("source.ip|cidr: 192.0.2.77", true),
        ("http.version|cidr: 192.0.2.0/24", false),
        ("http.request.referrer: null", false),
        ("http.request.method|neq: POST", true),
        ("http.request.method|neq: get", false),
        ("http.request.method|neq: [POST, get]", false),
        ("http.request.headers.cookie|neq: a", false),
        ("http.response.status_code|neq: 404", false),
        ("http.response.status_code: 404.0", true),
        ("http.response.status_code|gt: 403.5", true),
        ("url.path|fieldref: url.path", true),
        ("url.path|fieldref: url.query", false),
        ("event.original|fieldref|contains: url.path", true),
        (
            "event.original|fieldref|startswith: http.request.method",
            true,
        ),
        (
            "event.original|fieldref|endswith: user_agent.original",
            true,
        ),
        (
            "event.original|fieldref|endswith|cased: http.request.method",
            false,
        ),
        ("'@timestamp|hour': 12", true),
        ("'@timestamp|hour': [11, 13]", false),
        ("'@timestamp|hour|gte': 12", true),
        ("'@timestamp|minute': 1", false),
        ("'@timestamp|week': 47", true),
        ("'@timestamp|year|lt': 2026", false),
        ("url.query|windash|contains: ' -q'", false),
        ("c-uri-extension: PHP", true),
        ("c-uri-extension: [exe, ph]", false),
        ("c-uri-extension: ph?", true),
    ] {
        assert_eq!(selects(line), expected, "{line}");
    }
}

#[test]
fn selections_join_their_parts() {
    for (selection, expected) in [
        (
            "\n  url.path|contains: admin\n  http.request.method: GET",
            true,
        ),
        (
            "\n  url.path|contains: admin\n  http.request.method: POST",
            false,
        ),
        (
            "\n  - url.path|contains: nothing\n  - http.request.method: GET",
            true,
        ),
        (
            "\n  - url.path|contains: nothing\n  - http.request.method: POST",
            false,
        ),
        ("\n  - nothing\n  - index.PHP", true),
        ("\n  - \"1' or\"", true),
        ("\n  - nothing", false),
        ("\n  - nothing\n  - url.path|contains: index", true),
        ("\n  - mozilla\n  - url.path|contains: nothing", true),
        ("\n  - nothing\n  - url.path|contains: nothing", false),
        ("\n  '|all': [index, mozilla]", true),
        ("\n  '|all': [index, opera]", false),
    ] {
        let detection = format!("selection:{selection}\ncondition: selection");
        assert_eq!(!hits(&detection).is_empty(), expected, "{selection}");
    }
}

#[test]
fn conditions_join_selections() {
    let selections = "yes_1:\n  http.request.method: GET\nyes_2:\n  url.path|contains: admin\n\
                      no_1:\n  http.request.method: POST\nno_2:\n  url.path|contains: nothing\n\
                      _hidden:\n  url.path|contains: nothing\n";
    for (condition, expected) in [
        ("yes_1 and yes_2", true),
        ("yes_1 and no_1", false),
        ("no_1 or yes_2", true),
        ("not no_1", true),
        ("yes_1 and not yes_2", false),
        ("no_1 and no_2 or yes_1", true),
        ("no_1 and (no_2 or yes_1)", false),
        ("1 of no_*", false),
        ("1 of yes_*", true),
        ("any of them", true),
        ("all of yes_*", true),
        ("all of them", false),
        ("2 of them", true),
        ("3 of them", false),
        ("not 1 of no_*", true),
        ("yes_1 and not 1 of no_*", true),
    ] {
        let detection = format!("{selections}condition: {condition}");
        assert_eq!(!hits(&detection).is_empty(), expected, "{condition}");
    }
    let listed = format!("{selections}condition:\n  - no_1\n  - yes_1");
    assert_eq!(
        hits(&listed).len(),
        1,
        "several conditions are alternatives"
    );
}

#[test]
fn a_hit_shows_what_matched() {
    let found = hits(
        "query:\n  url.query|contains: \"' or\"\n  http.response.status_code|gte: 400\n\
         filter:\n  url.path|contains: index\ncondition: query and filter and not missing\nmissing:\n  url.path: x",
    );
    let shown: Vec<_> = found[0]
        .evidence
        .iter()
        .map(|evidence| {
            (
                evidence.field.as_str(),
                evidence.decodings.join("+"),
                evidence.matched.as_str(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("url.query", "percent+plus".to_owned(), "' OR"),
            ("http.response.status_code", String::new(), "404"),
            ("url.path", String::new(), "index"),
        ]
    );
    assert_eq!(
        (found[0].evidence[0].start, found[0].evidence[0].end),
        (4, 8)
    );
}

#[test]
fn a_rule_describes_itself() {
    let mut file = rule("selection:\n  url.path: x\ncondition: selection");
    file.name = "path_traversal/x.yml".to_owned();
    file.text.push_str(
        "status: test\nauthor: A\ntags: [attack.t1190, attack.initial-access, attack.t1059.007]\nvigil:\n  score: 7.5\n  \
         examples:\n    match: [/x, {url: /y, cookie: a=b}]\n    no_match: [POST /x]\n",
    );
    let rules = RuleSet::load(&[file]).unwrap();
    let rule = serde_json::to_value(&rules.rules()[0]).unwrap();
    for (key, expected) in [
        (
            "id",
            serde_json::json!("6f2f6b1c-9a55-4cb0-8d1e-000000000001"),
        ),
        ("level", serde_json::json!("high")),
        ("score", serde_json::json!(7.5)),
        ("status", serde_json::json!("test")),
        ("family", serde_json::json!("path_traversal")),
        ("techniques", serde_json::json!(["T1190", "T1059.007"])),
        ("line", serde_json::json!(1)),
    ] {
        assert_eq!(rule[key], expected, "{key}");
    }
    let examples: Vec<_> = rules.rules()[0]
        .examples
        .iter()
        .map(|one| (one.text.as_str(), one.should_match))
        .collect();
    assert_eq!(
        examples,
        [
            ("/x", true),
            ("GET /y, cookie a=b", true),
            ("POST /x", false)
        ]
    );
}
