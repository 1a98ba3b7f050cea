//! Rules written for other programs: routed by their log, filtered, completed, or left out.

use vigil_event::{Event, Field, LogKind, Severity};
use vigil_rule::{Input, Placeholders, Report, RuleFile, RuleSet, Scratch};

fn file(name: &str, text: &str) -> RuleFile {
    RuleFile {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn load(files: &[RuleFile]) -> (RuleSet, Report) {
    let input = Input {
        own: &[],
        foreign: files,
        placeholders: &Placeholders::new(),
    };
    RuleSet::load_all(input).expect("foreign rules refuse nothing")
}

fn reasons(report: &[vigil_rule::RuleError]) -> Vec<String> {
    report.iter().map(ToString::to_string).collect()
}

/// The titles of the rules that match.
fn matching<'a>(rules: &'a RuleSet, event: &Event) -> Vec<&'a str> {
    let mut hits = Vec::new();
    rules.evaluate(event, &mut Scratch::new(rules), &mut hits);
    hits.iter()
        .map(|hit| rules.rules()[hit.rule].title.as_str())
        .collect()
}

fn request(path: &[u8]) -> Event {
    let mut event = Event::new();
    event.set(Field::EventOriginal, path);
    event.set(Field::UrlPath, path);
    event
}

fn other(log: LogKind, service: &str, name: &str, value: &str) -> Event {
    let mut event = Event::new();
    event.log = log;
    event.set_service(service.as_bytes());
    event.set(Field::EventOriginal, value.as_bytes());
    event.add_label(name.as_bytes(), value.as_bytes());
    event
}

const LOGS: &str = "
title: Canary
logsource: {category: application, product: opencanary}
detection: {a: {logtype: 4002}, condition: a}
---
title: Zeek DNS
logsource: {product: zeek, service: dns}
detection: {a: {query|endswith: .example}, condition: a}
---
title: Web
logsource: {category: webserver}
detection: {a: [4002, x.example], condition: a}
---
title: Proxy
logsource: {category: proxy}
detection: {a: {c-uri-extension: exe}, condition: a}
---
title: Daemon
logsource: {product: linux, service: sshd}
detection: {keywords: ['x.example'], condition: keywords}
";

#[test]
fn a_rule_runs_on_its_own_log_only() {
    let (rules, report) = load(&[file("a.yml", LOGS)]);
    assert!(
        report.refused.is_empty() && report.notes.is_empty(),
        "{report:?}"
    );
    for (event, expected) in [
        (other(LogKind::OpenCanary, "", "logtype", "4002"), "Canary"),
        (
            other(LogKind::Zeek, "dns", "query", "x.example"),
            "Zeek DNS",
        ),
        (
            other(LogKind::Syslog, "sshd", "query", "x.example"),
            "Daemon",
        ),
        (request(b"/x.example"), "Web"),
        (request(b"/a.exe"), "Proxy"),
    ] {
        assert_eq!(matching(&rules, &event), [expected]);
    }
    assert!(matching(&rules, &other(LogKind::Zeek, "conn", "query", "x.example")).is_empty());
}

#[test]
fn what_lacks_has_a_default() {
    let text = "
title: Bare
status: unheard-of
tags: [attack.magic, something]
custom: {key: value}
related: [{id: 08fbc97d-0a2f-491c-ae21-8ffcfd3174e9, type: derived}]
scope: [server]
taxonomy: sigma
logsource: {category: webserver, definition: all of it}
detection: {a: {cs-uri-stem: /x}, condition: a}
";
    let (rules, report) = load(&[file("web/some_rules/a.yml", text)]);
    assert!(
        report.refused.is_empty() && report.notes.is_empty(),
        "{report:?}"
    );
    let rule = &rules.rules()[0];
    assert_eq!(
        (rule.level, rule.family.as_str(), rule.id.len()),
        (Severity::Medium, "some_rules", 36)
    );
    assert!(rule.score.value() < 5.0, "alone it is no threat");
    let strict = RuleSet::load(&[file("a.yml", text)]).unwrap_err();
    assert!(strict[0].to_string().contains("unknown key `custom`"));
}

#[test]
fn what_is_broken_is_left_out_and_told() {
    let texts = [
        "title: A\nlogsource: {category: process_creation, product: windows}\ndetection: {a: {Image: x}, condition: a}",
        "title: B\nlogsource: {category: webserver}\ndetection: {a: {c-uri|re: '(?=x)'}, condition: a}",
        "title: C\nlogsource: {category: webserver}\ndetection: {a: {c-uri|expand: '%x%'}, condition: a}",
        "title: D\nlogsource: {category: webserver}\ndetection: {a: [x], condition: a | count() > 5, timeframe: 5m}",
        "title: [",
        "title: E\nlogsource: {category: webserver}\ndetection: {a: [one], condition: a}",
        "title: F\nlogsource: {category: proxy}\ndetection: {a: [two], b: {dst_ip: 1}, condition: a and not b}",
    ];
    let (rules, report) = load(&[file("a.yml", &texts.join("\n---\n"))]);
    let titles: Vec<_> = rules
        .rules()
        .iter()
        .map(|rule| rule.title.as_str())
        .collect();
    assert_eq!((titles, report.loaded), (vec!["E", "F"], 2));
    let refused = reasons(&report.refused);
    for expected in [
        "rule `A`: the rule is for `process_creation/windows` logs",
        "rule `B`: regular expression `(?=x)` of `c-uri`: look-around",
        "rule `C`: nothing is configured for the placeholder `%x%`",
        "rule `D`: condition `a | count() > 5`: what counts events is a correlation now: `type: event_count` over \
         this rule, `condition: {gt: 5}`",
        "rule `D`: this is not a valid Sigma rule: `timeframe` counts events, which rules cannot: it is the `timespan` of a correlation",
        "this is not valid YAML",
    ] {
        assert!(
            refused.iter().any(|reason| reason.contains(expected)),
            "{expected}\nnot in {refused:#?}"
        );
    }
    assert_eq!(
        reasons(&report.notes),
        ["a.yml:23: rule `F`: `dst_ip` is in no web log: what asks for it never holds"]
    );
}

const RULES: &str = "
title: One
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
level: high
logsource: {category: webserver}
detection: {a: {url.path|contains: x}, condition: a}
---
title: Two
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000002
name: second
level: high
logsource: {category: proxy}
detection: {a: {url.path|contains: x}, condition: a}
---
";

fn filtered(filter: &str) -> Result<RuleSet, Vec<String>> {
    let text = format!("{RULES}title: Quiet\nlogsource: {{category: {filter}");
    RuleSet::load(&[file("a.yml", &text)]).map_err(|errors| reasons(&errors))
}

#[test]
fn filters_apply_to_the_rules_they_name() {
    const OWN: &str = "own: {url.path|startswith: /own}, condition: not own";
    for (filter, expected) in [
        (
            "webserver}\nfilter: {rules: [6F2F6B1C-9A55-4CB0-8D1E-000000000001], @}",
            &["Two"][..],
        ),
        ("proxy}\nfilter: {rules: [second], @}", &["One"]),
        ("webserver}\nfilter: {rules: second, @}", &["One", "Two"]),
        ("webserver}\nfilter: {rules: any, @}", &["Two"]),
        ("proxy}\nfilter: {@}", &["One"]),
    ] {
        let rules = filtered(&filter.replace('@', OWN)).unwrap();
        assert_eq!(matching(&rules, &request(b"/own/x")), expected, "{filter}");
        assert_eq!(
            matching(&rules, &request(b"/x")),
            ["One", "Two"],
            "{filter}"
        );
    }
    let errors = filtered("proxy}\nfilter: {rules: [third], a: [x], condition: a}").unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].contains("rule `Quiet`: the filter names the rule `third`"),
        "{errors:?}"
    );
    assert!(filtered("proxy}\nfilter: {rules: [second], a: [x]}").is_err());
}

#[test]
fn documents_can_share_parts() {
    let text = "
action: global
level: high
logsource: {category: webserver}
detection: {condition: a}
---
title: One
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
detection: {a: {url.path: /one}}
---
action: repeat
title: Two
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000002
detection: {a: {url.path: /two}}
";
    let rules = RuleSet::load(&[file("a.yml", text)]).unwrap();
    assert_eq!(matching(&rules, &request(b"/one")), ["One"]);
    assert_eq!(matching(&rules, &request(b"/two")), ["Two"]);
}

const LOGIN: &str = "title: Failed Login
name: failed_login
logsource: {category: webserver}
detection: {a: {cs-uri-stem: /login, sc-status: 401}, condition: a}
";

/// A correlation without an id, as others write them.
fn counting(title: &str, rules: &str) -> String {
    format!(
        "title: {title}\nlevel: high\ncorrelation: {{type: event_count, rules: [{rules}], group-by: [c-ip], \
         timespan: 5m, condition: {{gte: 10}}}}\n"
    )
}

#[test]
fn correlations_name_rules_of_their_own_and_of_other_files() {
    let base = LOGIN.replace(
        "name: failed_login",
        "id: 6f2f6b1c-9a55-4cb0-8d1e-00000000000a",
    );
    let files = [
        file(
            "a/many.yml",
            &format!("{LOGIN}---\n{}", counting("Here", "failed_login")),
        ),
        file("b/rule.yml", &base),
        file(
            "b/more.yml",
            &[
                counting("There", "6f2f6b1c-9a55-4cb0-8d1e-00000000000a"),
                counting("By Name", "failed_login"),
                counting("Nowhere", "nowhere"),
                counting("Chained", "by_name").replace("level", "name: chained\nlevel"),
                counting("On Nothing", "broken"),
                counting("Broken", "nowhere").replace("level", "name: broken\nlevel"),
                counting("Timeframe", "failed_login").replace("timespan", "timeframe"),
                counting("Round", "round").replace("level", "name: round\nlevel"),
            ]
            .join("---\n")
            .replace("title: By Name\n", "title: By Name\nname: by_name\n"),
        ),
    ];
    let (rules, report) = load(&files);
    let mut titles: Vec<_> = rules
        .correlations()
        .iter()
        .map(|correlation| rules.rules()[correlation.rule].title.as_str())
        .collect();
    titles.sort_unstable();
    assert_eq!(
        titles,
        ["By Name", "Chained", "Here", "There"],
        "{:#?}",
        reasons(&report.refused)
    );
    assert_eq!(report.loaded, 6, "two rules and four correlations");
    let refused = reasons(&report.refused);
    for expected in [
        "rule `Nowhere`: ",
        "rule `Broken`: ",
        "rule `On Nothing`: ",
        "rule `Round`: ",
        "rule `Timeframe`: unknown key `timeframe`",
    ] {
        assert!(
            refused.iter().any(|reason| reason.contains(expected)),
            "{expected}\nnot in {refused:#?}"
        );
    }
}

#[test]
fn a_foreign_rule_takes_no_name_away_from_ours() {
    let (foreign, foreign_counts) = (LOGIN, counting("Theirs", "failed_login"));
    let ours = LOGIN
        .replace("Failed", "Our Failed")
        .replace("name:", "id: 6f2f6b1c-9a55-4cb0-8d1e-00000000000b\nname:")
        + "level: low\n";
    let our_counts = counting("Ours", "failed_login")
        .replace("level", "id: 6f2f6b1c-9a55-4cb0-8d1e-00000000000c\nlevel");
    let own = [
        file("family/login.yml", &ours),
        file("family/count.yml", &our_counts),
    ];
    let theirs = [
        file("x/login.yml", foreign),
        file("y/count.yml", &foreign_counts),
    ];
    let placeholders = Placeholders::new();
    let input = Input {
        own: &own,
        foreign: &theirs,
        placeholders: &placeholders,
    };
    let (rules, report) = RuleSet::load_all(input).unwrap();
    assert_eq!(report.refused.len(), 0, "{:#?}", reasons(&report.refused));
    let title = |place: usize| rules.rules()[place].title.as_str();
    let mut fed: Vec<_> = rules
        .correlations()
        .iter()
        .map(|one| (title(one.rule), title(one.feeds[0].rule)))
        .collect();
    fed.sort_unstable();
    assert_eq!(
        fed,
        [("Ours", "Our Failed Login"), ("Theirs", "Failed Login")]
    );
}
