//! OWASP CRS as Debian ships it, where it is installed.

use std::path::Path;

use vigil_rule::seclang::{Fate, SecFile, SecFiles, SecRules, SecScratch};

const RULES: &str = "/usr/share/modsecurity-crs/rules";
pub(crate) const SETUP: &str = "/etc/modsecurity/crs/crs-setup.conf";

/// A tree of CRS: its setup, its rules and their lists.
pub(crate) fn tree(root: &Path) -> SecFiles {
    let file = |path: &Path| SecFile {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        text: String::from_utf8_lossy(&fs_err::read(path).unwrap()).into_owned(),
    };
    let mut paths: Vec<_> = fs_err::read_dir(root.join("rules"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let of = |ending: &str| {
        let paths = paths
            .iter()
            .filter(|path| path.extension().is_some_and(|own| own == ending));
        paths.map(|path| file(path)).collect::<Vec<_>>()
    };
    let own = root.join("crs-setup.conf.example");
    let mut rules = vec![file(if own.is_file() {
        &own
    } else {
        Path::new(SETUP)
    })];
    rules.extend(of("conf"));
    SecFiles {
        rules,
        data: of("data"),
    }
}

/// None where CRS is not installed.
fn files() -> Option<SecFiles> {
    if !Path::new(RULES).is_dir() {
        return None;
    }
    Some(tree(Path::new(RULES).parent().unwrap()))
}

fn found(rules: &SecRules, line: &str) -> Vec<String> {
    let event = crate::line::event(line);
    let mut hits = Vec::new();
    rules.evaluate(&event, &mut SecScratch::default(), &mut hits);
    hits.iter()
        .map(|hit| rules.rules()[hit.rule].id.clone())
        .collect()
}

#[test]
fn debians_crs_loads_whole() {
    let Some(files) = files() else { return };
    let rules = SecRules::load(&files, Some(4)).unwrap();
    // What is about responses, stored state or scores is none of ours.
    let others = [
        "response",
        "stored collection",
        "adds up scores",
        "over a network",
    ];
    let refused: Vec<_> = rules
        .listed()
        .iter()
        .filter(|rule| rule.fate == Fate::Refused)
        .filter(|rule| {
            let reason = rule.reason.as_deref().unwrap();
            !others.iter().any(|other| reason.contains(other))
        })
        .map(|rule| rule.id.as_str())
        .collect();
    // Its pattern needs a backreference.
    assert_eq!(refused, ["crs:942130"]);
    let one = SecRules::load(&files, None).unwrap();
    assert!(one.rules().len() < rules.rules().len());
    let off = one
        .listed()
        .iter()
        .find(|rule| rule.id == "crs:942200")
        .unwrap();
    assert_eq!(off.fate, Fate::Off);
    assert!(
        off.reason
            .as_ref()
            .unwrap()
            .contains("PARANOIA_LEVEL @lt 2")
    );
}

#[test]
fn no_rule_concludes_from_what_a_log_leaves_out() {
    let Some(files) = files() else { return };
    let rules = SecRules::load(&files, Some(4)).unwrap();
    // No Host, no Accept, no Content-Length, no body: none of that is known to be missing.
    let line = vigil_rule::Example::typed("POST /login").to_line();
    let found = found(&rules, &line);
    assert!(
        !found.iter().any(|id| id.starts_with("crs:920")),
        "{found:?}"
    );
}

#[test]
fn attacks_in_a_log_are_found_by_crs() {
    let Some(files) = files() else { return };
    let rules = SecRules::load(&files, None).unwrap();
    for (request, expected) in [
        ("/?id=1%27%20or%20%271%27=%271", "crs:942100"),
        ("/?q=<script>alert(1)</script>", "crs:941100"),
        ("/?f=../../../../etc/passwd", "crs:930120"),
    ] {
        let line = vigil_rule::Example::typed(request).to_line();
        let found = found(&rules, &line);
        assert!(
            found.iter().any(|id| id == expected),
            "{request}: {found:?}"
        );
    }
    let line = vigil_rule::Example::typed("/a/b.html?q=garden+chairs&page=2").to_line();
    assert_eq!(found(&rules, &line), [""; 0]);
}

/// Pieces that requests have in common, harmless and not.
const PATHS: [&str; 5] = [
    "/",
    "/a.php",
    "/shop/item",
    "/a/../../etc/passwd",
    "/wp-config.php.bak",
];
const QUERIES: [&str; 6] = [
    "",
    "?id=1",
    "?id=1%27%20or%20%271%27=%271",
    "?q=%3Cscript%3Ealert(1)%3C/script%3E&id=1",
    "?a=;cat%20/etc/passwd&a=2",
    "?id=%00&id=%2e%2e/",
];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64)",
    "sqlmap/1.7",
    "() { :;}; id",
    "",
];

#[test]
fn what_came_before_changes_no_answer() {
    let Some(files) = files() else { return };
    let rules = SecRules::load(&files, Some(4)).unwrap();
    let others = SecRules::load(&files, Some(1)).unwrap();
    let mut scratch = SecScratch::default();
    let requests: Vec<(String, &str)> = PATHS
        .iter()
        .flat_map(|path| QUERIES.iter().map(move |query| format!("{path}{query}")))
        .flat_map(|target| AGENTS.map(|agent| (target.clone(), agent)))
        .collect();
    let mut matched = 0;
    // From the third time on values are known, then requests, of which the address does not matter but
    // that of the machine itself, which a rule looks for; then other rules are asked about the same.
    let rounds = [&rules, &rules, &rules, &rules, &others, &others, &others];
    for (round, rules) in rounds.into_iter().enumerate() {
        for (place, (target, agent)) in requests.iter().enumerate() {
            let address = match (round + place) % 5 {
                0 => "127.0.0.1".to_owned(),
                other => format!("192.0.2.{other}"),
            };
            let line = format!(
                r#"{address} - - [20/Nov/2026:12:00:00 +0000] "GET {target} HTTP/1.1" 200 5 "-" "{agent}""#
            );
            let event = crate::line::event(&line);
            let (mut fresh, mut again) = (Vec::new(), Vec::new());
            rules.evaluate(&event, &mut SecScratch::default(), &mut fresh);
            rules.evaluate(&event, &mut scratch, &mut again);
            assert_eq!(fresh, again, "{line}");
            matched += fresh.len();
        }
    }
    assert!(matched > requests.len(), "{matched}");
}
