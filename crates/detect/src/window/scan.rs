//! Whether an address tries names: a sequential test of the answers it gets.
//!
//! *What.* Whoever follows links mostly asks for what is there; whoever tries names mostly does not.
//! Each path that an address asks for the first time is one trial, and its answer moves the odds that the
//! address is of the second kind: the threshold random walk of Jung, Paxson, Berger and Balakrishnan
//! (*Fast Portscan Detection Using Sequential Hypothesis Testing*, 2004) after Wald (1945). *Input.* The
//! answers to paths not seen before. *Output.* When the odds pass [`decided`]: after five paths none of
//! which is there, later where some are. *Limits.* The walk never falls below even, as in Page's
//! cumulative sums (1954), so that good behaviour cannot be saved up for later.

/// How a request for a path that was not asked for before was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is there.
    Hit,
    /// It is not, or not for this client.
    Miss,
    /// It is not; a page leads there, many others have asked for it, or it is a program that says who it is.
    MissByLink,
}

/// How often a path is there: of those that a visitor asks for, and of those that are tried.
const THERE: (f64, f64) = (0.9, 0.2);
/// How often a tried name may be overlooked and a visitor suspected.
const WRONG: (f64, f64) = (0.01, 1e-4);

/// The odds at which it is decided, as their logarithm.
pub(super) fn decided() -> f32 {
    ((1.0 - WRONG.0) / WRONG.1).ln() as f32
}

impl Answer {
    /// What became of a request, by its status; none where that says nothing.
    pub(super) const fn of(status: u16, by_link: bool) -> Option<Self> {
        match status {
            200..=299 | 304 => Some(Self::Hit),
            400 | 403 | 404 | 405 | 410 | 414 | 501 if by_link => Some(Self::MissByLink),
            400 | 403 | 404 | 405 | 410 | 414 | 501 => Some(Self::Miss),
            _ => None,
        }
    }

    /// The odds after this answer.
    pub(super) fn after(self, odds: f32) -> f32 {
        let (visitor, tried) = THERE;
        let step = match self {
            Self::Hit => (tried / visitor).ln(),
            Self::Miss => ((1.0 - tried) / (1.0 - visitor)).ln(),
            Self::MissByLink => ((1.0 - tried) / (1.0 - visitor)).ln() / 2.0,
        };
        (odds + step as f32).max(0.0)
    }
}

/// Whether an agent names the page that tells what it is, as crawlers do. They come back to pages that have
/// moved.
pub(super) fn says_who_it_is(agent: &[u8]) -> bool {
    let colons = agent.iter().enumerate().filter(|(_, byte)| **byte == b':');
    colons
        .map(|(place, _)| agent.split_at(place))
        .any(|(before, from)| {
            from.starts_with(b"://") && (before.ends_with(b"http") || before.ends_with(b"https"))
        })
}

/// Names that well-behaved programs ask every site for, whether it has them or not.
pub(super) fn is_asked_of_every_site(path: &[u8]) -> bool {
    const NAMES: [&[u8]; 10] = [
        b"/robots.txt",
        b"/ads.txt",
        b"/app-ads.txt",
        b"/sellers.json",
        b"/humans.txt",
        b"/security.txt",
        b"/sitemap.xml",
        b"/sitemap_index.xml",
        b"/browserconfig.xml",
        b"/manifest.json",
    ];
    NAMES.contains(&path) || path.starts_with(b"/.well-known/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many answers it is decided, where each is a miss unless its place divides.
    fn decided_after(hit_every: usize) -> Option<usize> {
        let mut odds = 0.0;
        (1..=200).find(|place| {
            let answer = if place % hit_every == 0 {
                Answer::Hit
            } else {
                Answer::Miss
            };
            odds = answer.after(odds);
            odds >= decided()
        })
    }

    #[test]
    fn who_only_misses_is_known_after_five_and_who_mostly_hits_never() {
        assert_eq!(decided_after(1_000), Some(5));
        assert_eq!(decided_after(5), Some(7));
        assert_eq!(decided_after(3), Some(8));
        assert_eq!(decided_after(1), None);
    }

    #[test]
    fn good_behaviour_is_not_saved_up() {
        let mut odds = 0.0;
        for _ in 0..1_000 {
            odds = Answer::Hit.after(odds);
        }
        for _ in 0..5 {
            odds = Answer::Miss.after(odds);
        }
        assert!(odds >= decided());
    }

    #[test]
    fn what_says_nothing_is_no_answer() {
        for status in [0, 301, 302, 401, 429, 500, 502, 503] {
            assert_eq!(Answer::of(status, false), None, "{status}");
        }
        assert!(says_who_it_is(
            b"Mozilla/5.0 (compatible; Bot/1.0; +http://bot.example/)"
        ));
        assert!(says_who_it_is(b"a: b (https://c)"));
        assert!(!says_who_it_is(b"Mozilla/5.0 (X11; Linux x86_64)"));
        assert!(!says_who_it_is(b"rv:142.0 ftp://x http:/ https"));
        assert!(is_asked_of_every_site(b"/robots.txt"));
        assert!(!is_asked_of_every_site(b"/admin/robots.txt"));
    }
}
