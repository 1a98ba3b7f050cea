//! Scenarios of CrowdSec: what is carried over, and what is listed.

use vigil_event::{Decodings, Event, Field, LogKind};
use vigil_rule::bucket::BucketKind;
use vigil_rule::correlation::Kind;
use vigil_rule::{Input, Placeholders, Report, RuleFile, RuleSet, Scratch};

/// Loads scenarios beside a list.
fn carried(text: &str) -> (RuleSet, Report) {
    let file = |name: &str, text: &str| RuleFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let files = [
        file("hub/scenario.yaml", text),
        file("hub/lists/secrets.txt", "# a comment\n/.env\n\n.sql?\n"),
        file(
            "hub/lists/known.json",
            "{\"id\":\"a\",\"uri\":\"/one.cgi\"}\n# more\n{\"uri\":\"?%AD\"}\n",
        ),
    ];
    let placeholders = Placeholders::new();
    let input = Input {
        own: &[],
        foreign: &files,
        placeholders: &placeholders,
    };
    RuleSet::load_all(input).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Shaped like the scenarios that CrowdSec's users have, in our own words.
fn scenario(filter: &str, more: &str) -> String {
    format!(
        "type: leaky\nname: example/it\ndescription: it\nfilter: {filter:?}\n\
         groupby: \"evt.Meta.source_ip + '/' + evt.Parsed.target_fqdn\"\ncapacity: 3\nleakspeed: 10s\n{more}\
         labels: {{remediation: true, classification: [attack.T1595], behavior: 'http:scan', label: Scan}}\n"
    )
}

/// A bayesian bucket with that condition.
fn belief(condition: &str, more: &str) -> String {
    format!(
        "type: bayesian\nname: example/belief\nfilter: \"evt.Meta.service == 'http'\"\ngroupby: evt.Meta.source_ip\n\
         bayesian_prior: 0.5\nbayesian_threshold: 0.8\nleakspeed: 30s\ncapacity: -1\n{more}bayesian_conditions:\n\
         - {{condition: {condition:?}, prob_given_evil: 0.9, prob_given_benign: 0.1}}\n"
    )
}

#[test]
fn what_a_scenario_asks_is_a_rule_that_only_feeds_its_bucket() {
    let (rules, report) = carried(&belief(
        "any(queue.Queue, {#.Meta.http_status == '404'}) and evt.Meta.http_path == '/' and len(queue.Queue) > 2",
        "",
    ));
    assert_eq!((report.loaded, report.refused.len()), (1, 0), "{report:?}");
    let feeds = rules.rules().iter().filter(|rule| rule.feeds_only);
    assert_eq!((feeds.count(), rules.rules().len()), (3, 4));
    let Kind::Bucket(bucket) = &rules.correlations()[0].kind else {
        panic!("{:?}", rules.correlations());
    };
    let BucketKind::Bayesian { belief, .. } = &bucket.kind else {
        panic!("{bucket:?}");
    };
    assert_eq!((belief.prior, belief.threshold), (0.5, 0.8));
    assert_eq!(belief.conditions.len(), 1);
}

#[test]
fn a_scenario_becomes_a_rule_and_a_bucket() {
    let (rules, report) = carried(&scenario(
        "evt.Meta.service == 'http' && evt.Meta.http_status in ['404']",
        "distinct: evt.Meta.http_path\nblackhole: 1m\nreprocess: true\ncache_size: 5\n",
    ));
    assert_eq!((report.loaded, report.refused.len()), (1, 0), "{report:?}");
    let [poured, bucket] = rules.rules() else {
        panic!("{:?}", rules.rules());
    };
    assert!(poured.feeds_only);
    assert_eq!(bucket.title, "Scan (example/it)");
    assert_eq!(
        (bucket.family.as_str(), bucket.score.value()),
        ("scanning", 7.5)
    );
    assert_eq!(bucket.techniques, ["T1595"]);
    assert!(rules.correlations()[0].by_client);
}

/// Whether what is poured matches an event.
#[track_caller]
fn pours(filter: &str, event: &Event) -> bool {
    let (rules, report) = carried(&scenario(filter, ""));
    assert!(report.refused.is_empty(), "{filter}: {:?}", report.refused);
    let (mut scratch, mut hits) = (Scratch::new(&rules), Vec::new());
    rules.evaluate(event, &mut scratch, &mut hits);
    !hits.is_empty()
}

fn request(path: &str, query: &str, status: u16, agent: &str) -> Event {
    let mut event = Event::new();
    event.set(Field::Method, b"GET");
    let target = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    event.set(Field::UrlOriginal, target.as_bytes());
    event.set(Field::UrlPath, path.as_bytes());
    event.set(Field::UrlQuery, query.as_bytes());
    event.set(Field::UserAgent, agent.as_bytes());
    event.status = status;
    event
}

#[test]
fn filters_see_the_target_as_it_was_sent_and_decoded() {
    let mut proxied = request("/old/.env", "", 400, "-");
    proxied.set(Field::UrlOriginal, b"http://victim.example/old/.env");
    for (filter, expected) in [
        ("evt.Parsed.request matches '^http[s]?://'", true),
        ("evt.Parsed.request startsWith 'http://'", true),
        ("evt.Parsed.request startsWith 'https://'", false),
    ] {
        assert_eq!(pours(filter, &proxied), expected, "{filter}");
    }
    let mut encoded = request("/verify", "x=%24%7B1", 200, "-");
    encoded.add_view(Field::UrlQuery, Decodings::PERCENT, b"x=${1");
    for (filter, expected) in [
        ("PathUnescape(evt.Meta.http_path) contains '${1'", true),
        ("evt.Meta.http_path contains '${1'", false),
        (
            "Upper(QueryUnescape(evt.Meta.http_path)) startsWith Upper('/verify?x=${')",
            true,
        ),
        (
            "QueryUnescape(evt.Meta.http_path) startsWith '/veri?x=${'",
            false,
        ),
    ] {
        assert_eq!(pours(filter, &encoded), expected, "{filter}");
    }
}

#[test]
fn filters_mean_what_they_say() {
    let event = request("/a/Secret.php", "x=1*2", 404, "curl/8");
    for (filter, expected) in [
        ("evt.Meta.service == 'http'", true),
        (
            "evt.Meta.log_type in ['http_access-log', 'http_error-log']",
            true,
        ),
        (
            "evt.Meta.service == 'http' && evt.Parsed.file_name == 'Secret.php'",
            true,
        ),
        (
            "evt.Meta.service == 'http' && evt.Parsed.file_name == 'secret.php'",
            false,
        ),
        (
            "evt.Meta.service == 'http' && Lower(evt.Parsed.file_name) == 'secret.php'",
            true,
        ),
        (
            "evt.Meta.service == 'http' && evt.Parsed.file_name contains 'cret'",
            true,
        ),
        (
            "evt.Meta.service == 'http' && evt.Parsed.file_name contains 'a'",
            false,
        ),
        ("evt.Parsed.static_ressource == 'false'", true),
        ("evt.Parsed.static_ressource == 'true'", false),
        ("evt.Meta.http_status startsWith '40'", true),
        ("evt.Meta.http_status startsWith '5'", false),
        ("evt.Meta.http_status not in ['200', '404']", false),
        ("evt.Meta.http_path == '/a/Secret.php?x=1*2'", true),
        ("evt.Parsed.http_args contains '1*2'", true),
        ("evt.Parsed.http_args contains '1**2'", false),
        ("evt.Parsed.request matches '^/[a-z]/S.*\\\\.php$'", true),
        (
            "Lower(evt.Parsed.http_user_agent) startsWith 'CURL' or evt.Parsed.verb == 'PUT'",
            true,
        ),
        ("!(evt.Parsed.verb == 'GET')", false),
        (
            "evt.Parsed.verb != 'POST' and evt.Meta.service == 'http'",
            true,
        ),
        ("evt.Parsed.http_user_agent == ''", false),
        (
            "any(File('secrets.txt'), { evt.Parsed.request endsWith # })",
            false,
        ),
        ("any(['Sec', 'b'], { evt.Parsed.request contains # })", true),
    ] {
        assert_eq!(pours(filter, &event), expected, "{filter}");
    }
    let event = request("/old/.env", "", 200, "curl/8");
    assert!(pours(
        "any(File('secrets.txt'), { evt.Parsed.request endsWith # })",
        &event
    ));
}

#[test]
fn parts_of_paths_numbers_and_lists_of_json_mean_what_they_say() {
    let event = request("/a/Secret.php", "x=1*2", 404, "curl/8");
    for (filter, expected) in [
        ("evt.Parsed.file_ext == '.php'", true),
        ("evt.Parsed.file_ext == '.ph'", false),
        ("evt.Parsed.file_frag == 'Secret'", true),
        ("evt.Parsed.file_frag == 'Secret.php'", false),
        ("evt.Parsed.file_dir contains '/a'", true),
        ("evt.Parsed.file_dir contains 'a/'", true),
        ("evt.Parsed.file_dir contains 'Sec'", false),
        ("evt.Parsed.file_dir == '/a/'", true),
        (
            "evt.Parsed.file_frag != nil && evt.Parsed.verb == 'GET'",
            true,
        ),
        (
            "evt.Parsed.file_frag == nil || evt.Parsed.verb == 'PUT'",
            false,
        ),
        (
            "evt.Meta.http_args_len != '' && int(evt.Meta.http_args_len) == 5",
            true,
        ),
        ("int(evt.Meta.http_args_len) >= 5", true),
        ("int(evt.Meta.http_args_len) >= 6", false),
        ("int(evt.Meta.http_args_len) <= 5", true),
        ("int(evt.Meta.http_args_len) <= 4", false),
        ("int(evt.Meta.http_args_len) == 0", false),
        ("int(evt.Meta.http_status) >= 404", true),
        ("int(evt.Meta.http_status) <= 403", false),
        (
            "any(File('known.json'), {evt.Meta.http_path contains JsonExtract(#, 'uri')})",
            false,
        ),
    ] {
        assert_eq!(pours(filter, &event), expected, "{filter}");
    }
    let event = request("/ONE.cgi", "", 404, "curl/8");
    let noted = "any(File('known.json'), {Lower(evt.Meta.http_path) contains JsonExtract(#, 'uri') ? \
                 evt.SetMeta('cve', JsonExtract(#, 'id')) : false})";
    assert!(pours(noted, &event));
    for (filter, expected) in [
        ("int(evt.Meta.http_args_len) == 0", true),
        ("int(evt.Meta.http_args_len) <= 3", true),
        ("int(evt.Meta.http_args_len) >= 1", false),
    ] {
        assert_eq!(pours(filter, &event), expected, "{filter}");
    }
}

#[test]
fn messages_of_sshd_are_told_apart() {
    let message = |text: &str| {
        let mut event = Event::new();
        event.log = LogKind::Syslog;
        event.set_service(b"sshd");
        event.set(Field::EventOriginal, text.as_bytes());
        event
    };
    let failed = "evt.Meta.log_type == 'ssh_failed-auth'";
    for (text, expected) in [
        ("Failed password for root from 192.0.2.1 port 5 ssh2", true),
        ("Invalid user admin from 192.0.2.1 port 5", true),
        (
            "Connection closed by authenticating user root 192.0.2.1 port 5 [preauth]",
            true,
        ),
        (
            "Accepted publickey for root from 192.0.2.1 port 5 ssh2",
            false,
        ),
        ("Server listening on 0.0.0.0 port 22.", false),
    ] {
        assert_eq!(pours(failed, &message(text)), expected, "{text}");
    }
    assert!(!pours(
        failed,
        &request("/", "", 200, "Failed password for ")
    ));
}

/// Nothing of the scenarios is loaded, and the reasons are listed.
#[track_caller]
fn listed(rows: Vec<(String, &str)>) {
    for (text, expected) in rows {
        let (rules, report) = carried(&text);
        assert_eq!((rules.rules().len(), report.loaded), (0, 0), "{text}");
        let reasons: Vec<String> = report.refused.iter().map(ToString::to_string).collect();
        assert!(
            reasons.iter().any(|reason| reason.contains(expected)),
            "{text}: {reasons:#?}"
        );
    }
}

#[test]
fn questions_that_cannot_be_carried_over_are_listed() {
    listed(vec![
        (
            scenario(
                "evt.Meta.service == 'http'",
                "overflow_filter: any(queue.Queue, true)\n",
            ),
            "`overflow_filter`: `true` stands where `{` is expected",
        ),
        (
            scenario(
                "evt.Meta.service == 'http'",
                "overflow_filter: len(queue.Queue) > 2\n",
            ),
            "keeps only the newest",
        ),
        (
            scenario(
                "evt.Meta.service == 'http'",
                "condition: Distance(queue.Queue[-1].Enriched.Latitude, 1) > 3\n",
            ),
            "`condition`: `queue.Queue` is asked in a way that is not carried over",
        ),
        (
            belief("len(queue.Queue) > 3 or evt.Meta.http_path == '/'", ""),
            "joined with other questions by `or`",
        ),
        (
            belief("evt.Meta.http_path == '/'", "cache_size: 5\n")
                .replace("evt.Meta.http_path == '/'", "len(queue.Queue) > 3"),
            "keeps only the newest",
        ),
        (
            belief("evt.Meta.city == 'x'", ""),
            "nothing here stands for `evt.Meta.city`",
        ),
        (
            belief("evt.Meta.http_path == '/'", "").replace("0.9", "1.9"),
            "numbers from 0 to 1",
        ),
    ]);
}

#[test]
fn what_cannot_be_carried_over_is_listed_with_its_reason() {
    listed(vec![
        (
            scenario("evt.Meta.service == 'windows'", ""),
            "about other logs",
        ),
        (
            scenario("evt.Parsed.CommandLine contains 'x'", ""),
            "nothing here stands for `evt.Parsed.CommandLine`",
        ),
        (
            scenario("len(evt.Parsed.http_args) > 3", ""),
            "`len` is not carried over",
        ),
        (
            scenario(
                "any(File('gone.txt'), { evt.Parsed.request endsWith # })",
                "",
            ),
            "the list `gone.txt` is not there",
        ),
        (
            scenario("evt.Meta.service == 'http'", "surprise: true\n"),
            "unknown field `surprise`",
        ),
        (
            scenario("evt.Meta.service == 'http'", "blackhole: soon\n"),
            "`soon` is no time",
        ),
        (
            scenario("evt.Parsed.request matches '(['", ""),
            "regular expression",
        ),
    ]);
}

#[test]
fn two_of_one_name_are_told_apart_by_their_files_only() {
    let one = scenario("evt.Meta.service == 'http'", "");
    let (rules, report) = carried(&format!("{one}---\n{one}"));
    assert_eq!(
        (rules.rules().len(), report.loaded, report.refused.len()),
        (2, 1, 1),
        "{report:?}"
    );
}
