//! What a single line cannot show, through the binary: who scans is known within ten lines, who visits
//! is not suspected, and many weak signs from one network become one finding.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;
use vigil_testkit::wait_for;

use crate::site::{BINARY, Site, append, threats};

const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// A request: its target, the status of its answer, its referrer.
type Asked = (&'static str, u16, &'static str);

/// The first requests of scanners as their operators see them: target, status, referrer. The first three
/// go by their own names; of the others the names are taken away, and only what they do is left.
const SCANNERS: [(&str, &str, &[Asked]); 6] = [
    (
        "like Acunetix",
        BROWSER,
        &[
            ("/", 200, "-"),
            ("/acunetix-wvs-test-for-some-inexistent-file", 404, "-"),
            ("/medias/index.html", 404, "-"),
            ("/index.php?-dallow_url_include=on", 200, "-"),
            ("/search.php?test=query", 200, "/"),
            ("/search.php?test=1'%22", 200, "/"),
        ],
    ),
    (
        "like Netsparker",
        BROWSER,
        &[
            ("/", 200, "-"),
            ("/robots.txt", 404, "-"),
            ("/Netsparkere7d1c8f0.aspx", 404, "-"),
            ("/trace.axd", 404, "-"),
            ("/elmah.axd", 404, "-"),
            (
                "/search?q='%22--%3e%3c/style%3e%3c/scRipt%3e%3cscRipt%3enetsparker(0x000102)%3c/scRipt%3e",
                200,
                "/",
            ),
        ],
    ),
    (
        "like w3af",
        "w3af.org",
        &[
            ("/", 200, "-"),
            ("/qMkzVtNq.html", 404, "-"),
            ("/.git/HEAD", 404, "-"),
        ],
    ),
    (
        "names only",
        BROWSER,
        &[
            ("/", 200, "-"),
            ("/kqzrty-none-of-this", 404, "-"),
            ("/admin/", 404, "-"),
            ("/backup/", 404, "-"),
            ("/test/", 403, "-"),
            ("/old/", 404, "-"),
            ("/phpmyadmin/", 404, "-"),
            ("/manager/html", 404, "-"),
        ],
    ),
    (
        "names among pages",
        BROWSER,
        &[
            ("/", 200, "-"),
            ("/a8s7df6", 404, "-"),
            ("/images/", 403, "-"),
            ("/login", 200, "-"),
            ("/cgi-bin/", 404, "-"),
            ("/config/", 404, "-"),
            ("/include/", 404, "-"),
            ("/upload/", 404, "-"),
            ("/data/", 404, "-"),
        ],
    ),
    (
        "parameters",
        BROWSER,
        &[
            ("/item?id=1", 200, "/"),
            ("/item?id=1'", 500, "/"),
            ("/item?id=1%22", 500, "/"),
            ("/item?id=1)", 200, "/"),
            ("/item?id=-1%20or%201=1", 200, "/"),
            ("/item?id=1;sleep(3)", 200, "/"),
        ],
    ),
];

/// Visits: pages with what they bring along, a broken link, a form, a search, a feed reader, a crawler
/// that comes back to pages that have moved.
const VISITS: [(&str, &[Asked]); 4] = [
    (
        BROWSER,
        &[
            ("/", 200, "-"),
            ("/app.css", 200, "/"),
            ("/logo.png", 404, "/"),
            ("/favicon.ico", 404, "/"),
            ("/apple-touch-icon.png", 404, "-"),
            ("/news/a-page-that-was", 404, "/"),
            ("/products?sort=price&page=2", 200, "/"),
            ("/search?q=O'Brien+select+a+tea", 200, "/"),
            ("/api/cart", 404, "/products"),
            ("/cart", 200, "/products"),
            ("/api/wishes", 404, "/cart"),
            ("/checkout", 302, "/cart"),
        ],
    ),
    (
        "FeedFetcher/2.0 (+https://reader.example)",
        &[
            ("/feed.xml", 404, "-"),
            ("/feed.xml", 404, "-"),
            ("/feed.xml", 404, "-"),
            ("/feed.xml", 404, "-"),
        ],
    ),
    (
        "SomeCrawler/1.0 (+https://crawler.example)",
        &[
            ("/robots.txt", 404, "-"),
            ("/ads.txt", 404, "-"),
            ("/sitemap.xml", 404, "-"),
            ("/.well-known/security.txt", 404, "-"),
            ("/.well-known/assetlinks.json", 404, "-"),
            ("/", 200, "-"),
            ("/old-page", 404, "-"),
            ("/about", 200, "-"),
            ("/old-news", 404, "-"),
            ("/contact", 200, "-"),
        ],
    ),
    (
        BROWSER,
        &[
            ("/login", 200, "-"),
            ("/login", 401, "/login"),
            ("/login", 401, "/login"),
            ("/login", 302, "/login"),
            ("/account/orders?year=2025", 200, "/login"),
        ],
    ),
];

fn line(
    address: &str,
    second: usize,
    agent: &str,
    (target, status, from): (&str, u16, &str),
) -> String {
    let from = if from == "-" {
        "-".to_owned()
    } else {
        format!("https://www.example.com{from}")
    };
    let (minute, second) = (second / 60, second % 60);
    format!(
        "{address} - - [21/Nov/2026:02:{minute:02}:{second:02} +0000] \"GET {target} HTTP/1.1\" {status} 612 \"{from}\" \"{agent}\"\n"
    )
}

/// The threats of a log: line, score, rules.
fn judged(site: &Site, more: &[&str]) -> Vec<(u64, f64, String)> {
    let output = Command::new(BINARY)
        .args(["replay", "--offline", "--json"])
        .args(more)
        .arg(site.log())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|threat| {
            (
                threat["line"].as_u64().unwrap(),
                threat["score"].as_f64().unwrap(),
                threat["rules"].to_string(),
            )
        })
        .collect()
}

#[test]
fn a_scanner_is_known_within_ten_lines() {
    for (name, agent, requests) in SCANNERS {
        let site = Site::new();
        for (second, request) in requests.iter().enumerate() {
            site.append(line("203.0.113.9", second * 2, agent, *request));
        }
        let found = judged(&site, &[]);
        let strong = found.iter().find(|(_, score, _)| *score >= 7.0);
        let Some((line, ..)) = strong else {
            panic!("{name}: {found:?}");
        };
        assert!(*line <= 10, "{name} is known after {line} lines");
    }
}

#[test]
fn a_visitor_is_not_suspected() {
    let site = Site::new();
    for (visitor, (agent, requests)) in VISITS.iter().enumerate() {
        for round in 0..5 {
            for (second, request) in requests.iter().enumerate() {
                let address = format!("198.51.100.{}", visitor * 10 + round);
                site.append(line(&address, second * 5, agent, *request));
            }
        }
    }
    assert_eq!(judged(&site, &[]), []);
}

/// A rule that says nothing alone.
const WEAK: &str = "title: Weak
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
name: weak
level: informational
logsource: {category: webserver}
detection: {it: {url.path: /weak}, condition: it}
vigil: {risk: 2.0}
";

#[test]
fn weak_signs_from_one_network_meet_whatever_thread_they_are_on() {
    let site = Site::new();
    fs_err::create_dir(site.path("rules")).unwrap();
    fs_err::write(site.path("rules/weak.yml"), WEAK).unwrap();
    let vigil = site.following_by_rules(4).serve();
    let mut lines = String::new();
    for n in 1..=20 {
        let address = format!("198.51.100.{n}");
        _ = write!(lines, "{}", line(&address, n, BROWSER, ("/weak", 200, "-")));
    }
    site.append(lines);
    let found = wait_for("the network is told", || {
        threats(vigil.http()).into_iter().next()
    });
    let detection = &found["detections"][0];
    assert_eq!(detection["rule_id"], "risk-network", "{found}");
    assert_eq!(detection["detector"], "risk");
    let reason = detection["reason"].as_str().unwrap();
    assert!(reason.contains("of 198.51.100.0/24, where "), "{reason}");
    assert!(reason.contains("\"Weak\" "), "{reason}");
}

#[test]
fn a_touch_of_a_honeypot_speaks_against_the_address_everywhere() {
    let site = Site::new();
    let canary = site.path("opencanary.log");
    let vigil = site.following().arg("--from-start").log(&canary).serve();
    append(
        &canary,
        "{\"dst_host\": \"10.0.0.5\", \"dst_port\": 22, \"local_time\": \"2026-11-21 02:00:01.250000\", \"logdata\": {}, \
         \"logtype\": 4000, \"node_id\": \"canary-1\", \"src_host\": \"203.0.113.9\", \"src_port\": 49333, \
         \"utc_time\": \"2026-11-21 02:00:01.250000\"}\n",
    );
    // Which of two logs is read first is not said: what is weak is written until both are read.
    let mut second = 2;
    let found = wait_for("the address is told", || {
        second += 1;
        site.append(line(
            "203.0.113.9",
            second,
            BROWSER,
            ("/item?id=1'", 200, "/"),
        ));
        site.append(line(
            "203.0.113.9",
            second,
            BROWSER,
            ("/not-there", 404, "-"),
        ));
        threats(vigil.http()).into_iter().find(|threat| {
            let detections = threat["detections"].as_array().unwrap();
            detections.iter().any(|one| {
                let reason = one["reason"].as_str().unwrap_or_default();
                one["rule_id"] == "risk-address" && reason.contains("Touch of a Honeypot")
            })
        })
    });
    assert_eq!(found["source"]["ip"], "203.0.113.9");
}

/// In the words of CrowdSec's users: a scenario, and the list that it names.
const SCENARIO: &str = "type: leaky
name: example/http-secrets
description: \"Detect who asks for secrets\"
filter: 'evt.Meta.log_type in [\"http_access-log\", \"http_error-log\"] and any(File(\"secrets.txt\"), { evt.Parsed.request endsWith #})'
groupby: \"evt.Meta.source_ip\"
distinct: evt.Parsed.request
capacity: 2
leakspeed: 5s
blackhole: 5m
labels: {remediation: true, classification: [attack.T1595.003], behavior: 'http:scan', label: Secrets}
---
type: leaky
name: example/ssh-bf
description: \"Detect guessing\"
filter: \"evt.Meta.log_type == 'ssh_failed-auth'\"
leakspeed: 10s
capacity: 2
groupby: evt.Meta.source_ip
labels: {remediation: true}
---
type: trigger
name: example/windows
description: \"Not here\"
filter: \"evt.Parsed.CommandLine contains 'x'\"
";

#[test]
fn scenarios_of_crowdsec_are_carried_over() {
    let site = Site::new();
    let hub = site.path("hub");
    fs_err::create_dir_all(hub.join("data")).unwrap();
    fs_err::write(hub.join("scenario.yaml"), SCENARIO).unwrap();
    fs_err::write(hub.join("data/secrets.txt"), ".one\n.two\n.three\n").unwrap();
    let output = Command::new(BINARY)
        .args(["test-rules", "--sigma", hub.to_str().unwrap()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("nothing here stands for `evt.Parsed.CommandLine`"),
        "{said}"
    );
    for (second, target) in ["/a.one", "/a.one", "/b.two", "/c.one", "/d.three"]
        .iter()
        .enumerate()
    {
        site.append(line("203.0.113.9", second, BROWSER, (target, 200, "/")));
    }
    let config = site.path("vigil.toml");
    fs_err::write(&config, "[detect.risk]\nenabled = false\n").unwrap();
    let arguments = [
        "--config",
        config.to_str().unwrap(),
        "--sigma",
        hub.to_str().unwrap(),
    ];
    let found = judged(&site, &arguments);
    let [(4, 7.5, rules)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(rules.starts_with("[\""), "{rules}");
}

/// A rule whose sign is too weak to be told.
pub(crate) const ODD: &str = "title: Odd Quote
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000003
level: low
logsource: {category: webserver}
detection: {it: {url.query|contains: \"%27\"}, condition: it}
vigil: {family: sql_injection, score: 3.0, risk: 0.1}
";

/// A line of a log with the site's name in front.
pub(crate) fn line_of_site(address: &str, minute: usize, target: &str, status: u16) -> String {
    let (day, hour, minute) = (21 + minute / 1_440, minute / 60 % 24, minute % 60);
    format!(
        "shop.example:443 {address} - - [{day}/Nov/2026:{hour:02}:{minute:02}:00 +0000] \"GET {target} HTTP/1.1\" {status} 612 \"-\" \"{BROWSER}\"\n"
    )
}

#[test]
fn a_scan_spread_over_many_networks_is_one_alert_of_the_site() {
    let site = Site::new();
    fs_err::create_dir(site.path("rules")).unwrap();
    fs_err::write(site.path("rules/odd.yml"), ODD).unwrap();
    let mut lines = String::new();
    // A day of visits. Of those, many follow a link with an odd query.
    for n in 0..1_440 {
        let target = match n % 6 {
            0 => "/search?q=O%27Brien",
            _ => "/news",
        };
        lines += &line_of_site(&format!("10.{}.{}.7", n / 200, n % 200), n, target, 200);
    }
    // One client that tries much: one network, for which its own signs have to do.
    for n in 0..40 {
        lines += &line_of_site("203.0.113.9", 1_440, &format!("/own/{n}?id={n}%27"), 200);
    }
    // And a scan: each network one request, none like another.
    for n in 0..30 {
        let address = format!("172.{}.{n}.9", 20 + n % 3);
        lines += &line_of_site(&address, 1_445 + n, &format!("/item/{n}?id={n}%27"), 200);
    }
    site.append(lines);
    let by_rules = site.path("rules");
    let offline = judged(&site, &["--rules", by_rules.to_str().unwrap()]);
    let [(line, score, rules)] = &*offline else {
        panic!("one threat: {offline:?}");
    };
    assert!(*score >= 7.0 && rules.contains("thin-scan"), "{offline:?}");
    // The client of its own is the first of twelve networks.
    assert_eq!(*line, 1_440 + 40 + 11);
    let vigil = site.following_by_rules(4).serve();
    let found = wait_for("the scan is told", || {
        threats(vigil.http()).into_iter().next()
    });
    assert_eq!(found["source"]["ip"], Value::Null, "{found}");
    assert_eq!(found["url"]["domain"], "shop.example");
    assert_eq!(found["detections"][0]["rule_id"], "thin-scan");
    let reason = found["detections"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("12 networks "), "{reason}");
    let alerts = vigil.http().get("/api/v1/alerts").json();
    let alerts = alerts["items"].as_array().unwrap();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0]["family"], "sql_injection");
    assert_eq!(alerts[0].get("source_ip").and_then(Value::as_str), None);
}

#[test]
fn names_that_many_networks_try_are_one_finding() {
    let site = Site::new();
    let mut lines = String::new();
    // A day of visits; some come by a link to a page that is gone, and many look for the same.
    for n in 0..1_440 {
        let address = format!("10.{}.{}.7", n / 200, n % 200);
        if n % 6 == 0 {
            lines += &line_of_site(&address, n, "/news/gone", 404);
        }
        lines += &line_of_site(&address, n, "/news", 200);
        if n % 6 == 1 {
            lines += &line_of_site(&address, n, &format!("/tag/{n}"), 404);
        }
    }
    for n in 0..30 {
        let address = format!("172.{}.{n}.9", 20 + n % 3);
        lines += &line_of_site(&address, 1_445 + n, &format!("/hidden-{n}/"), 404);
    }
    site.append(lines);
    let found = judged(&site, &[]);
    let told: Vec<_> = found
        .iter()
        .filter(|(_, _, rules)| rules.contains("thin-scan"))
        .collect();
    let [(line, score, _)] = told.as_slice() else {
        panic!("one threat: {found:?}");
    };
    assert_eq!((*line, *score), (1_440 + 480 + 12, 7.5));
}

#[test]
fn guesses_at_one_account_from_many_addresses_are_told_about_the_account() {
    // In a form, and as HTTP itself lets sign in.
    for request in ["POST /login", "GET /private/"] {
        let site = Site::new();
        let mut lines = String::new();
        for n in 0..30 {
            _ = writeln!(
                lines,
                "198.51.{n}.9 - alice [21/Nov/2026:02:{n:02}:00 +0000] \"{request} HTTP/1.1\" 401 612 \"-\" \"{BROWSER}\""
            );
        }
        site.append(lines);
        let found = judged(&site, &[]);
        let is_it = |(_, score, rules): &(u64, f64, String)| {
            *score >= 7.0 && rules.contains("risk-account")
        };
        assert_eq!(
            found.iter().filter(|one| is_it(one)).count(),
            1,
            "{found:?}"
        );
    }
}
