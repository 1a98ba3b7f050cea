//! A magazine with a small shop, as WordPress and WooCommerce answer: one front page that takes everything,
//! articles by date and name, plug-ins with versions, an administration that a few people use.

use fastrand::Rng;

use super::people::{FAMILY, SENTENCES};
use super::request::{Request, often, pick, token};
use super::site::{Phase, Site};
use super::words;

const SECTIONS: [&str; 7] = [
    "politics",
    "science",
    "travel",
    "kitchen",
    "reviews",
    "opinion",
    "uncategorized",
];
const PLUGINS: [&str; 5] = [
    "contact-form-7/includes/js/index.js",
    "contact-form-7/includes/css/styles.css",
    "woocommerce/assets/js/frontend/woocommerce.min.js",
    "woocommerce/assets/css/woocommerce-layout.css",
    "elementor/assets/lib/swiper/v8/swiper.min.js",
];
const AJAX: [&str; 6] = [
    "heartbeat",
    "query-attachments",
    "load_more",
    "elementor_ajax",
    "wpforms_submit",
    "as_async_request_queue_runner",
];

pub(super) struct Magazine;

impl Site for Magazine {
    fn host(&self) -> &'static str {
        "magazine.example"
    }

    fn visit(&self, random: &mut Rng, phase: Phase) -> Request {
        match random.u32(..1_000) {
            0..90 => Request::get("/", random.u64(60_000..75_000)),
            90..320 => article(random, phase),
            320..400 => listing(random),
            400..450 => search(random),
            450..560 => picture(random),
            560..670 => script(random, phase),
            670..760 => shop(random, phase),
            760..800 => interface(random),
            800..850 => ajax(random, phase),
            850..900 => administration(random),
            900..930 => Request::get(pick(random, &["/feed/", "/comments/feed/"]), 41_002),
            part => rest(random, part, phase),
        }
    }
}

/// The name of an article, always the same for a number.
fn slug(number: usize) -> String {
    let mut named = Rng::with_seed(number as u64);
    let words: Vec<String> = (0..named.usize(2..7))
        .map(|_| words::thing(&mut named).replace(' ', "-"))
        .collect();
    match number % 23 {
        0 => format!("{}-2", words.join("-")),
        1 => format!("{}-%e2%80%93-teil-{}", words.join("-"), number % 7),
        _ => words.join("-"),
    }
}

fn article(random: &mut Rng, phase: Phase) -> Request {
    // The newest are read most; each day there are some more.
    let newest = if phase == Phase::Judged { 1_220 } else { 1_200 };
    let number = newest - often(random, 1_200);
    let (year, month) = (2_019 + number / 160, 1 + number / 14 % 12);
    let request = Request::get(
        format!("/{year}/{month:02}/{}/", slug(number)),
        random.u64(30_000..90_000),
    );
    match random.u32(..100) {
        0..3 => request.with("replytocom", random.u32(9_000..60_000)),
        3..6 => request.with(
            "share",
            pick(random, &["facebook", "x", "email", "jetpack-whatsapp"]),
        ),
        6..9 => request.with("amp", "1"),
        9..11 => Request::get("/", 0)
            .with("p", random.u32(100..40_000))
            .answered(301, 0),
        _ => request,
    }
}

fn listing(random: &mut Rng) -> Request {
    let path = match random.u32(..4) {
        0 => format!("/tag/{}/", words::thing(random).replace(' ', "-")),
        1 => format!(
            "/author/{}/",
            pick(random, &FAMILY[..4]).to_lowercase().replace(' ', "-")
        ),
        _ => format!("/category/{}/", pick(random, &SECTIONS)),
    };
    let page = 2 + often(random, 40);
    match random.u32(..3) {
        0 => Request::get(format!("{path}page/{page}/"), random.u64(30_000..60_000)),
        _ => Request::get(path, random.u64(30_000..60_000)),
    }
}

fn search(random: &mut Rng) -> Request {
    let text = match random.u32(..30) {
        0 => format!("\"{}\"", words::thing(random)),
        1 => format!("what's a {}?", words::thing(random)),
        2 => format!("{} & {}", words::thing(random), words::thing(random)),
        3 => pick(random, &SENTENCES).to_owned(),
        4 => words::name(random),
        _ => words::thing(random),
    };
    Request::get("/", random.u64(20_000..50_000))
        .with("s", text)
        .maybe(random, 12, "post_type", "product")
        .maybe(random, 10, "paged", random.clone().u32(2..9))
}

fn picture(random: &mut Rng) -> Request {
    let size = pick(
        random,
        &[
            "",
            "-150x150",
            "-300x200",
            "-768x512",
            "-1024x683",
            "-scaled",
        ],
    );
    let name = match random.u32(..4) {
        0 => format!("IMG_{}", random.u32(1_000..9_999)),
        1 => format!(
            "Bildschirmfoto-2026-{:02}-{:02}-um-14.{}",
            random.u32(1..13),
            random.u32(1..29),
            random.u32(10..59)
        ),
        _ => words::thing(random).replace(' ', "-"),
    };
    let ending = pick(random, &["jpg", "jpg", "png", "webp", "jpeg", "pdf"]);
    Request::get(
        format!(
            "/wp-content/uploads/{}/{:02}/{name}{size}.{ending}",
            random.u32(2_019..2_027),
            random.u32(1..13)
        ),
        random.u64(4_000..900_000),
    )
}

fn script(random: &mut Rng, phase: Phase) -> Request {
    let (system, plugin) = match phase {
        Phase::Learned => ("6.7.1", "5.9.8"),
        Phase::Judged => ("6.7.2", "6.0.1"),
    };
    match random.u32(..6) {
        0 => Request::get("/wp-includes/js/jquery/jquery.min.js", 87_553).with("ver", "3.7.1"),
        1 => Request::get("/wp-includes/css/dist/block-library/style.min.css", 110_021)
            .with("ver", system),
        2 => Request::get("/wp-content/themes/paper/style.css", 30_118).with("ver", system),
        3 => Request::get(
            format!(
                "/wp-content/cache/autoptimize/css/autoptimize_{}.css",
                token(&mut Rng::with_seed(random.u64(..9)), 32)
            ),
            88_213,
        ),
        4 if phase == Phase::Judged => {
            Request::get("/wp-content/plugins/cookie-notice/js/front.min.js", 9_013)
                .with("ver", "2.5.4")
        }
        _ => Request::get(
            format!("/wp-content/plugins/{}", pick(random, &PLUGINS)),
            random.u64(9_000..9_400),
        )
        .with("ver", plugin),
    }
}

fn shop(random: &mut Rng, phase: Phase) -> Request {
    let product = slug(40_000 + often(random, 60));
    let variant = pick(random, &["s", "m", "l", "xl", "xxl"]);
    let request = match random.u32(..10) {
        0..3 => Request::get("/shop/", random.u64(40_000..60_000))
            .maybe(
                random,
                40,
                "orderby",
                pick(
                    &mut random.clone(),
                    &["price", "price-desc", "date", "popularity", "rating"],
                ),
            )
            .maybe(
                random,
                20,
                "filter_color",
                pick(&mut random.clone(), &["red", "blue", "red,blue", "green"]),
            )
            .maybe(random, 15, "min_price", random.clone().u32(1..60))
            .maybe(random, 15, "max_price", random.clone().u32(60..400)),
        3..6 => Request::get(format!("/product/{product}/"), random.u64(50_000..70_000)).maybe(
            random,
            25,
            "attribute_pa_size",
            variant,
        ),
        6 => Request::get("/cart/", random.u64(30_000..40_000))
            .with("add-to-cart", random.u32(300..900))
            .maybe(random, 30, "quantity", random.clone().u32(1..6)),
        7 => Request::get("/", 920).by("POST").with(
            "wc-ajax",
            pick(
                random,
                &["get_refreshed_fragments", "update_order_review", "checkout"],
            ),
        ),
        8 => Request::get(
            format!("/checkout/order-received/{}/", random.u32(4_000..9_000)),
            random.u64(30_000..33_000),
        )
        .with("key", format!("wc_order_{}", token(random, 13))),
        _ => Request::get("/my-account/lost-password/", 29_000)
            .with("key", token(random, 20))
            .with("id", random.u32(1..3_000)),
    };
    if phase == Phase::Judged && request.path == "/shop/" {
        return request.maybe(random, 20, "currency", "CHF");
    }
    request
}

fn interface(random: &mut Rng) -> Request {
    match random.u32(..5) {
        0 => Request::get("/wp-json/wp/v2/posts", random.u64(9_000..90_000))
            .with("per_page", pick(random, &["5", "10", "100"]))
            .maybe(random, 50, "_embed", "1")
            .maybe(random, 30, "search", words::thing(&mut random.clone()))
            .maybe(random, 30, "_fields", "id,title,link,excerpt"),
        1 => Request::get("/wp-json/oembed/1.0/embed", random.u64(1_800..2_600))
            .with(
                "url",
                format!(
                    "https://magazine.example/2026/10/{}/",
                    slug(1_200 - often(random, 900))
                ),
            )
            .maybe(random, 40, "format", "xml"),
        2 => Request::get(
            format!(
                "/wp-json/contact-form-7/v1/contact-forms/{}/feedback",
                random.u32(11..14)
            ),
            312,
        )
        .by("POST"),
        3 => Request::get(
            format!("/wp-json/wp/v2/posts/{}", random.u32(900..40_000)),
            random.u64(4_000..20_000),
        ),
        _ => Request::get("/wp-json/", 210_000),
    }
}

fn ajax(random: &mut Rng, phase: Phase) -> Request {
    let request = Request::get("/wp-admin/admin-ajax.php", random.u64(10..900));
    match random.u32(..10) {
        0..4 => request.by("POST"),
        4 if phase == Phase::Judged => request
            .with("action", "cn_save_consent")
            .with("_", random.u64(1_795_000_000_000..1_796_000_000_000)),
        5 => request
            .with("action", "load_more")
            .with("page", 2 + often(random, 20))
            .with("nonce", token(random, 10)),
        _ => request
            .with("action", AJAX[often(random, AJAX.len())])
            .maybe(random, 40, "nonce", token(&mut random.clone(), 10)),
    }
}

/// What the five editors do.
fn administration(random: &mut Rng) -> Request {
    let post = random.u32(100..40_000);
    match random.u32(..9) {
        0 => Request::get("/wp-admin/edit.php", random.u64(80_000..140_000))
            .maybe(
                random,
                50,
                "post_type",
                pick(&mut random.clone(), &["page", "product"]),
            )
            .maybe(random, 30, "paged", random.clone().u32(2..40))
            .maybe(
                random,
                20,
                "post_status",
                pick(&mut random.clone(), &["draft", "trash", "future"]),
            ),
        1 => Request::get("/wp-admin/post.php", random.u64(90_000..150_000))
            .with("post", post)
            .with("action", pick(random, &["edit", "elementor"])),
        2 => Request::get("/wp-admin/load-scripts.php", random.u64(100_000..400_000))
            .with("c", "0")
            .with(
                "load[chunk_0]",
                "jquery-core,jquery-migrate,utils,moxiejs,plupload",
            )
            .with("ver", "6.7.1"),
        3 => Request::get("/", random.u64(50_000..60_000))
            .with("p", post)
            .with("preview", "true")
            .maybe(random, 60, "preview_id", post)
            .maybe(random, 60, "preview_nonce", token(&mut random.clone(), 10)),
        4 => Request::get("/wp-admin/admin.php", random.u64(60_000..90_000))
            .with(
                "page",
                pick(
                    random,
                    &[
                        "wc-admin",
                        "wc-orders",
                        "wpforms-overview",
                        "wpseo_dashboard",
                    ],
                ),
            )
            .maybe(random, 30, "path", "/analytics/overview"),
        5 => Request::get("/wp-login.php", 7_100)
            .with(
                "redirect_to",
                format!("https://magazine.example/wp-admin/post.php?post={post}&action=edit"),
            )
            .with("reauth", "1"),
        6 => Request::get("/wp-login.php", 0).by("POST").answered(302, 0),
        7 => Request::get("/wp-cron.php", 0).by("POST").with(
            "doing_wp_cron",
            format!(
                "{}.{:020}",
                random.u32(1_795_000_000..1_796_000_000),
                random.u64(..)
            ),
        ),
        _ => Request::get(format!("/wp-json/wp/v2/posts/{post}/autosaves"), 4_000)
            .by("POST")
            .with("_locale", "user"),
    }
}

fn rest(random: &mut Rng, part: u32, phase: Phase) -> Request {
    match part {
        ..945 => Request::get("/robots.txt", 160),
        945..955 => Request::get(
            pick(
                random,
                &[
                    "/sitemap_index.xml",
                    "/post-sitemap.xml",
                    "/post-sitemap2.xml",
                    "/page-sitemap.xml",
                ],
            ),
            8_100,
        ),
        955..965 => Request::get("/favicon.ico", 0).answered(302, 0),
        965..975 => Request::get(
            pick(
                random,
                &[
                    "/ads.txt",
                    "/apple-touch-icon.png",
                    "/.well-known/traffic-advice",
                ],
            ),
            30_100,
        )
        .answered(404, 30_100),
        975..985 => Request::get(
            format!(
                "/2021/03/{}/",
                words::name(random).replace(' ', "-").replace('\'', "")
            ),
            31_000,
        )
        .answered(404, 31_000),
        985..990 if phase == Phase::Judged => Request::get("/adventskalender/", 20_000).maybe(
            random,
            60,
            "tag",
            random.clone().u32(1..25),
        ),
        _ => Request::get(
            pick(
                random,
                &["/about/", "/kontakt/", "/impressum/", "/datenschutz/"],
            ),
            random.u64(30_000..33_000),
        ),
    }
}
