//! What ordinary requests look like, to tell which literals say something.
//!
//! *Input*: up to four bytes in lower case, and whether a word starts or ends with them. *Output*:
//! how often they stand in a sample of targets, user agents and referrers. *Limits*: a sample of
//! what is seen everywhere, not of any one site; it only steers what is looked for first, never what
//! matches.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::prefilter::literal::is_word;

/// Pieces of everyday requests, in lower case.
const SAMPLE: &str = concat!(
    "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) ",
    "chrome/141.0.0.0 safari/537.36 edg/141.0.0.0\n",
    "mozilla/5.0 (macintosh; intel mac os x 10_15_7) applewebkit/605.1.15 (khtml, like gecko) ",
    "version/18.1 safari/605.1.15\n",
    "mozilla/5.0 (iphone; cpu iphone os 18_1 like mac os x) applewebkit/605.1.15 (khtml, like gecko) ",
    "version/18.1 mobile/15e148 safari/604.1\n",
    "mozilla/5.0 (linux; android 14; sm-s918b build/up1a) applewebkit/537.36 (khtml, like gecko) ",
    "chrome/141.0.7390.43 mobile safari/537.36\n",
    "mozilla/5.0 (x11; ubuntu; linux x86_64; rv:145.0) gecko/20100101 firefox/145.0\n",
    "mozilla/5.0 (compatible; googlebot/2.1; +http://www.google.com/bot.html)\n",
    "mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)\n",
    "mozilla/4.0 (compatible; msie 8.0; windows nt 6.1; wow64; trident/7.0; .net clr 2.0.50727; ",
    "slcc2; media center pc 6.0; en-us)\n",
    "opera/9.80 (windows nt 6.1; u; de) presto/2.12.388 version/12.16\n",
    "mozilla/5.0 applewebkit/537.36 (khtml, like gecko; compatible; facebookexternalhit/1.1; ",
    "+http://www.facebook.com/externalhit_uatext.php)\n",
    "curl/8.5.0 python-requests/2.32 go-http-client/2.0 okhttp/4.12 java/17 wget/1.21\n",
    "https://www.google.com/search?q=how+to+make+bread&ie=utf-8&oe=utf-8&client=firefox-b-d\n",
    "https://example.com/blog/2026/11/27/why-we-moved-to-the-cloud-and-back/?utm_source=newsletter",
    "&utm_medium=email&utm_campaign=black-friday&fbclid=iwar0&gclid=eaiaiqobchmi\n",
    "/ /index.html /index.php?option=com_content&view=article&id=12&itemid=34 /favicon.ico ",
    "/robots.txt /sitemap.xml /feed/ /rss.xml /wp-content/uploads/2024/05/image-300x200.jpg ",
    "/wp-includes/js/jquery/jquery.min.js?ver=3.7.1 /wp-content/themes/theme/style.css?ver=6.4 ",
    "/wp-content/plugins/contact-form/assets/script.js /assets/css/main.css /static/js/app.chunk.js ",
    "/images/logo.png /img/icons/arrow.svg /fonts/open-sans.woff2 /media/video.mp4 /files/report.pdf ",
    "/presentations/slides/images/kibana-dashboard.png /reset.css /style2.css\n",
    "/products/category/shoes?page=2&sort=price&order=asc&color=black&size=42&lang=en&limit=20 ",
    "/search?q=red+shoes+for+women&type=all&offset=0&per_page=50&filter=new /cart/add?product_id=123",
    "&quantity=1 /checkout/step/2 /user/profile/settings /account/login?redirect=/home&next=/ ",
    "/api/v1/users/123/orders?fields=id,name,date,status&include=items&from=2026-01-01&to=2026-11-27",
    "&token=abc&callback=jquery123_456&_=1700000000000 /graphql?query= /oauth/authorize?client_id=x",
    "&response_type=code&scope=openid+profile+email&state=xyz&redirect_uri=https://app.example.org/\n",
    "/forum/viewtopic.php?f=12&t=3456&start=20&sid=0a1b2c3d /news/article/title-of-the-story.html ",
    "/docs/guide/getting-started/install?version=latest#top /download/file.zip /tag/music/page/3/ ",
    "/projects/xdotool/ /geekery/ /articles/dynamic-dns-with-dhcp/ /?flav=rss20 /events/calendar\n",
);

/// The longest text that is counted, in bytes.
pub(crate) const MAX_LENGTH: usize = 4;

/// How often each text stands in the sample: wherever it stands, where a word starts with it, where
/// one ends with it, and where it is one.
static COUNTS: LazyLock<HashMap<&'static [u8], [u32; 4]>> = LazyLock::new(|| {
    let sample = SAMPLE.as_bytes();
    let is_word = |place: Option<usize>| {
        place
            .and_then(|place| sample.get(place))
            .is_some_and(|byte| is_word(*byte))
    };
    let mut counts: HashMap<_, [u32; 4]> = HashMap::new();
    for len in 1..=MAX_LENGTH {
        for (start, text) in sample.windows(len).enumerate() {
            let starts = !is_word(start.checked_sub(1));
            let ends = !is_word(Some(start + len));
            let stands = [true, starts, ends, starts && ends];
            let counts = counts.entry(text).or_default();
            for (count, stands) in counts.iter_mut().zip(stands) {
                *count += u32::from(stands);
            }
        }
    }
    counts
});

/// How often a text of at most [`MAX_LENGTH`] bytes stands in the sample, where a word starts or
/// ends with it if that is asked for.
pub(crate) fn count(text: &[u8], starts_word: bool, ends_word: bool) -> u32 {
    let [anywhere, starts, ends, whole] = COUNTS.get(text).copied().unwrap_or_default();
    match (starts_word, ends_word) {
        (false, false) => anywhere,
        (true, false) => starts,
        (false, true) => ends,
        (true, true) => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_knows_the_everyday_and_nothing_else() {
        assert!(SAMPLE.bytes().all(|byte| !byte.is_ascii_uppercase()));
        assert!(count(b"wind", false, false) > 1 && count(b".php", false, false) > 1);
        for text in [&b"unio"[..], b"<scr", b"../", b"eep(", b"pass"] {
            assert_eq!(count(text, false, false), 0);
        }
    }

    #[test]
    fn words_are_told_from_their_parts() {
        assert!(count(b"in", false, false) > count(b"in", true, false));
        assert_eq!(count(b"ll", true, true), 0);
        assert_eq!(count(b"nt", true, true), 3);
    }
}
