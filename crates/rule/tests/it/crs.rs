//! OWASP CRS as Debian ships it, where it is installed.

use std::path::Path;

use vigil_rule::seclang::{Fate, SecFile, SecFiles, SecRules, SecScratch};

const RULES: &str = "/usr/share/modsecurity-crs/rules";
const SETUP: &str = "/etc/modsecurity/crs/crs-setup.conf";

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
    let refused: Vec<_> = rules
        .listed()
        .iter()
        .filter(|rule| rule.fate == Fate::Refused)
        .map(|rule| format!("{} {}", rule.id, rule.reason.as_deref().unwrap_or_default()))
        .filter(|text| {
            !text.contains("responses")
                && !text.contains("stored collection")
                && !text.contains("response is over")
        })
        .collect();
    eprintln!("{refused:#?}");
    for fate in [Fate::Loaded, Fate::Setup, Fate::Off, Fate::Refused] {
        eprintln!(
            "{fate:?} {}",
            rules
                .listed()
                .iter()
                .filter(|rule| rule.fate == fate)
                .count()
        );
    }
    eprintln!("{} told", rules.rules().len());
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
        eprintln!("{request} {found:?}");
        assert!(
            found.iter().any(|id| id == expected),
            "{request}: {found:?}"
        );
    }
    let line = vigil_rule::Example::typed("/a/b.html?q=garden+chairs&page=2").to_line();
    assert_eq!(found(&rules, &line), [""; 0]);
}
