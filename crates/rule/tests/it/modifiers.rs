//! Modifiers that look for what a value becomes, on values of a request and of other logs.

use std::collections::BTreeMap;

use vigil_event::{Event, LogKind};
use vigil_rule::{Input, Placeholders, RuleFile, RuleSet, Scratch};

/// An event of a log whose names are no fields.
fn event() -> Event {
    let mut event = Event::new();
    event.log = LogKind::Zeek;
    event.set_service(b"test");
    for (name, value) in [
        ("command", "cmd.exe /c whoami \u{2013}all -x".as_bytes()),
        ("encoded", b"eyJhIjoiaHR0cDovL2V4YW1wbGUub3JnIn0="),
        ("whole", b"Zm9vYmFy"),
        ("wide", b"p\0i\0n\0g\0"),
        ("big", b"\0p\0i\0n\0g"),
        ("marked", b"\xff\xfep\0i\0n\0g\0"),
        ("user", b"Eve"),
        ("owner", b"eve"),
        ("path", b"/home/eve/x"),
        ("ip", b"2001:db8::7"),
        ("ip", b"::ffff:192.0.2.9"),
        ("size", b"-12.5"),
        ("at", b"2026-11-20 23:59:01.5"),
        ("ts", b"1795176000.25"),
        ("flag", b"true"),
        ("empty", b""),
        ("star", b"a*b"),
        ("share", b"%parteve"),
        ("city", "M\u{e4}rz 5\u{20ac}".as_bytes()),
        ("broken", b"a\xffb"),
        ("ratio", b"0.5"),
        ("slash", br"C:\Windows\x"),
        ("id.orig_h", b"192.0.2.1"),
    ] {
        event.add_label(name.as_bytes(), value);
    }
    event
}

fn file(detection: &str) -> RuleFile {
    RuleFile {
        name: "test.yml".to_owned(),
        text: format!(
            "title: Test\nid: 6f2f6b1c-9a55-4cb0-8d1e-000000000001\nlogsource: {{product: zeek, service: test}}\n\
             level: high\ndetection:\n  selection:\n    {detection}\n  condition: selection\n"
        ),
    }
}

fn placeholders() -> Placeholders {
    let list = |values: &[&str]| values.iter().map(|one| (*one).to_owned()).collect();
    BTreeMap::from([
        ("admins".to_owned(), list(&["mallory", "eve"])),
        ("nobody".to_owned(), list(&[])),
        ("net".to_owned(), list(&["10.0.0.0/8", "192.0.2.0/24"])),
        ("sign".to_owned(), list(&[r"\*"])),
        ("folders".to_owned(), list(&["/opt/*", "/home/?ve/*"])),
    ])
}

fn selects(line: &str) -> bool {
    let placeholders = placeholders();
    let input = Input {
        own: &[file(line)],
        foreign: &[],
        placeholders: &placeholders,
    };
    let (rules, _) =
        RuleSet::load_all(input).unwrap_or_else(|errors| panic!("{line}: {}", errors[0]));
    let mut hits = Vec::new();
    rules.evaluate(&event(), &mut Scratch::new(&rules), &mut hits);
    !hits.is_empty()
}

#[test]
fn values_are_looked_for_in_what_they_become() {
    for (line, expected) in [
        ("encoded|base64offset|contains: 'http://'", true),
        ("encoded|base64offset: 'http://'", true),
        ("encoded|base64offset|contains: 'ftp://'", false),
        (
            "encoded|base64offset|contains|all: ['http://', example]",
            true,
        ),
        (
            "encoded|base64offset|contains|all: ['http://', elsewhere]",
            false,
        ),
        ("whole|base64: foobar", true),
        ("whole|base64|contains: fooba", false),
        ("whole|base64|startswith: foo", true),
        ("wide|wide: ping", true),
        ("wide|utf16le|contains: in", true),
        ("wide|utf16le: p?ng", false),
        ("wide|utf16le|startswith: 'p*g'", true),
        ("big|utf16be: ping", true),
        ("marked|utf16: ping", true),
        ("marked|utf16: pong", false),
        ("command|windash|contains: ' -all'", true),
        ("command|windash|contains: ' /all'", true),
        ("command|windash|contains: ' -c '", true),
        ("command|windash|contains|all: [' -c ', ' /x']", true),
        ("command|windash|contains|all: [' -c ', ' /y']", false),
        ("command|contains: ' -all'", false),
        ("user|expand: '%admins%'", true),
        ("user|expand|cased: '%admins%'", false),
        ("user|expand: '%nobody%'", false),
        ("path|expand|contains: '/%admins%/'", true),
        ("path|expand|re: '^/home/%admins%/.$'", true),
        ("star|expand: 'a%sign%b'", true),
        ("slash|expand|contains: '%sign%'", false),
        ("path|expand: '%folders%'", true),
        ("path|expand: '%folders%y'", false),
        ("path|expand|re: '^%folders%$'", true),
        (r"share|expand: '\%part%admins%'", true),
        (r"share|expand: '\%admins%'", false),
        ("ip|expand|cidr: '%net%'", true),
    ] {
        assert_eq!(selects(line), expected, "{line}");
    }
}

#[test]
fn letters_of_every_script_are_characters() {
    for (line, expected) in [
        ("city: 'M\u{c4}RZ 5\u{20ac}'", true),
        ("city|cased: 'M\u{c4}RZ 5\u{20ac}'", false),
        ("city|startswith: 'm\u{c4}r'", true),
        ("city|contains|all: ['\u{c4}r', '5\u{20ac}']", true),
        ("city|endswith: '\u{c4}rz'", false),
        ("city: 'm?rz 5?'", true),
        ("broken: 'a?b'", true),
        (r"city|re: '^M.rz \d.$'", false),
        ("city|re: '^M[\u{e4}].z 5.$'", true),
        ("city|re|i: '^m\u{c4}rz'", true),
        ("ratio: 0.5", true),
        ("ratio|neq: [0.5, 1]", false),
    ] {
        assert_eq!(selects(line), expected, "{line}");
    }
}

#[test]
fn labels_are_compared_like_fields() {
    for (line, expected) in [
        ("user: eve", true),
        ("user|cased: eve", false),
        ("User: eve", false),
        ("owner|fieldref: user", true),
        ("owner|fieldref|cased: user", false),
        ("path|fieldref|contains: owner", true),
        ("path|fieldref|endswith: owner", false),
        ("path|fieldref|startswith: nothing", false),
        ("user|fieldref: [nothing, owner]", true),
        ("ip|cidr: 2001:db8::/32", true),
        ("ip|cidr: 192.0.2.0/28", true),
        ("ip|cidr: 198.51.100.0/24", false),
        ("user|cidr: 0.0.0.0/0", false),
        ("id.orig_h|cidr: 192.0.2.0/24", true),
        ("size|lt: -12", true),
        ("size|gte: -12.5", true),
        ("size|gt: 0", false),
        ("user|gt: 0", false),
        ("at|hour: 23", true),
        ("at|minute|gte: 59", true),
        ("at|day: 21", false),
        ("ts|month: 11", true),
        ("user|year: 2026", false),
        ("flag: true", true),
        ("flag: false", false),
        ("flag|exists: true", true),
        ("missing|exists: true", false),
        ("missing|exists: false", true),
        ("missing: null", true),
        ("user: null", false),
        ("empty: ''", true),
        ("user: ''", false),
        ("empty|exists: true", true),
        ("user: [null, eve]", true),
        ("missing|neq: 5", false),
        ("user|neq: bob", true),
        ("star: 'a\\*b'", true),
        ("slash: 'C:\\Windows\\\\*'", true),
        ("slash|contains: '\\Windows\\'", true),
        ("slash|startswith: 'c:\\windows?x'", true),
        ("command: 'cmd*who?mi*'", true),
        ("labels|contains: WHOAMI", true),
    ] {
        assert_eq!(selects(line), expected, "{line}");
    }
}

#[test]
fn evidence_names_the_label() {
    let rules = RuleSet::load(&[file("command|contains: whoami")]).unwrap();
    let mut hits = Vec::new();
    rules.evaluate(&event(), &mut Scratch::new(&rules), &mut hits);
    let evidence = &hits[0].evidence[0];
    assert_eq!(
        (
            evidence.field.as_str(),
            evidence.matched.as_str(),
            evidence.start
        ),
        ("command", "whoami", 11)
    );
}
