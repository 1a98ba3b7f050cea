//! When each window fires, for whom, and what is kept.

use vigil_event::Timestamp;

use super::*;

fn event(address: &str, at_ms: i64, path: &str, status: u16) -> Event {
    let mut event = Event::new();
    event.source_ip = Some(address.parse().unwrap());
    event.occurred_at = Timestamp::from_millis(at_ms);
    event.status = status;
    event.set(Field::UrlPath, path.as_bytes());
    event
}

fn fired(windows: &mut Windows, event: &Event) -> Vec<Window> {
    let mut crossings = Vec::new();
    windows.observe(event, &mut crossings);
    crossings
        .into_iter()
        .map(|crossing| crossing.window)
        .collect()
}

fn options() -> WindowOptions {
    WindowOptions {
        request_rate: 10,
        error_minimum: 4,
        path_spread: 6,
        ..WindowOptions::default()
    }
}

#[test]
fn a_rate_fires_once_a_period() {
    let mut windows = Windows::new(options());
    let mut times = Vec::new();
    for second in 0..200 {
        if fired(&mut windows, &event("192.0.2.1", second * 1_000, "/", 200))
            == [Window::RequestRate]
        {
            times.push(second);
        }
    }
    assert_eq!(times, [9, 69, 129, 189]);
}

#[test]
fn addresses_are_counted_apart() {
    let mut windows = Windows::new(options());
    for n in 0..20 {
        let event = event(&format!("192.0.2.{n}"), 1_000, "/", 404);
        assert!(fired(&mut windows, &event).is_empty());
    }
    assert_eq!(windows.addresses(), 20);
}

#[test]
fn errors_need_a_minimum_and_a_share() {
    let mut windows = Windows::new(options());
    let mut all = Vec::new();
    for n in 0..4 {
        all.extend(fired(&mut windows, &event("192.0.2.1", n, "/", 404)));
    }
    assert_eq!(all, [Window::ErrorRatio]);
    let mut windows = Windows::new(options());
    for n in 0..9 {
        let status = if n % 2 == 0 { 200 } else { 500 };
        assert!(fired(&mut windows, &event("192.0.2.1", n, "/", status)).is_empty());
    }
}

#[test]
fn spread_counts_paths_and_not_served_files() {
    let mut windows = Windows::new(options());
    for n in 0..9 {
        assert!(
            fired(
                &mut windows,
                &event("192.0.2.1", n, &format!("/static/{n}.css"), 200)
            )
            .is_empty()
        );
    }
    let mut windows = Windows::new(options());
    let mut all = Vec::new();
    for n in 0..8 {
        all.extend(fired(
            &mut windows,
            &event("192.0.2.1", n, &format!("/{n}"), 200),
        ));
    }
    assert_eq!(all, [Window::PathSpread]);
    for n in 0..40 {
        let event = event("192.0.2.9", n, "/same", 200);
        assert!(!fired(&mut windows, &event).contains(&Window::PathSpread));
    }
}

#[test]
fn who_tries_names_is_told_and_who_follows_links_is_not() {
    let mut windows = Windows::new(WindowOptions::default());
    let mut told = Vec::new();
    for n in 0..10 {
        let event = event("192.0.2.1", n * 1_000, &format!("/{n}"), 404);
        told.extend(fired(&mut windows, &event).iter().map(|_| n));
    }
    assert_eq!(told, [4], "then it is quiet for a period");
    for n in 0..30 {
        let same = event("192.0.2.2", n * 1_000, "/gone", 404);
        assert_eq!(fired(&mut windows, &same), []);
        let image = event("192.0.2.3", n * 1_000, &format!("/{n}.png"), 404);
        assert_eq!(fired(&mut windows, &image), []);
        let served = event("192.0.2.4", n * 1_000, &format!("/{n}"), 200);
        assert_eq!(fired(&mut windows, &served), []);
    }
    let mut windows = Windows::new(WindowOptions {
        scan_test: false,
        ..WindowOptions::default()
    });
    for n in 0..10 {
        let event = event("192.0.2.1", n * 1_000, &format!("/{n}"), 404);
        assert_eq!(fired(&mut windows, &event), []);
    }
}

#[test]
fn who_has_a_network_of_version_6_is_one_client() {
    let mut windows = Windows::new(WindowOptions::default());
    let mut told = Vec::new();
    for n in 0..10 {
        let address = format!("2001:db8:0:7:{n:x}::9");
        let event = event(&address, n * 60_000, &format!("/{n}"), 404);
        told.extend(fired(&mut windows, &event).iter().map(|_| n));
    }
    assert_eq!(told, [4, 9]);
    assert_eq!(windows.addresses(), 1);
}

#[test]
fn an_app_of_which_a_part_is_gone_tries_no_names() {
    let mut windows = Windows::new(WindowOptions::default());
    let mut told = Vec::new();
    for n in 0..50 {
        for path in 0..8 {
            let gone = format!("/api/v0/{path}");
            let event = event(&format!("10.0.{n}.1"), n * 1_000, &gone, 404);
            told.extend(fired(&mut windows, &event).iter().map(|_| n));
        }
    }
    assert_eq!(told, [0, 1, 2, 3], "then it is known that many ask for it");
}

#[test]
fn what_is_sent_again_with_nothing_in_between_is_counted() {
    let mut windows = Windows::new(WindowOptions::default());
    let mut tries = |method: &str, path: &str, status: u16| {
        let mut event = event("192.0.2.1", 1_000, path, status);
        event.set(Field::Method, method.as_bytes());
        let tries = windows.tries(&event);
        windows.observe(&event, &mut Vec::new());
        tries
    };
    let mut posts = |status| tries("POST", "/login", status);
    assert_eq!([posts(302), posts(302), posts(302)], [1, 2, 3].map(Some));
    assert_eq!([posts(401), posts(302)], [1, 1].map(Some), "another answer");
    for (path, status, next) in [
        ("/login", 200, 2),
        ("/logo.png", 200, 3),
        ("/robots.txt", 200, 4),
        ("/account", 200, 1),
        ("/gone.png", 404, 1),
    ] {
        assert_eq!(tries("GET", path, status), None);
        assert_eq!(tries("POST", "/login", 302), Some(next), "after {path}");
    }
    assert_eq!(tries("POST", "/logon", 302), Some(1));
    assert_eq!(tries("POST", "/login", 302), Some(1));
    let many = (0..40).map(|_| tries("POST", "/login", 302));
    assert_eq!(many.last().flatten(), Some(15), "no more are told apart");
}

#[test]
fn a_stray_has_found_nothing_and_nothing_led_it() {
    let mut windows = Windows::new(WindowOptions::default());
    let mut is_stray = |address: &str, path: &str, status, referrer: &str| {
        let mut event = event(address, 1_000, path, status);
        event.set(Field::Referrer, referrer.as_bytes());
        windows.observe(&event, &mut Vec::new())
    };
    assert!(is_stray("192.0.2.1", "/a", 404, ""));
    assert!(!is_stray("192.0.2.1", "/", 200, ""));
    assert!(!is_stray("192.0.2.1", "/b", 404, ""), "it is a visitor");
    assert!(!is_stray("192.0.2.2", "/c", 404, "https://shop.example/"));
    assert!(!is_stray("192.0.2.3", "/c.png", 404, ""));
    for n in 0..9 {
        let address = format!("10.0.{n}.1");
        assert!(
            is_stray(&address, "/d", 404, ""),
            "also where many ask: {n}"
        );
    }
}

#[test]
fn old_events_are_counted_as_late() {
    let mut windows = Windows::new(options());
    fired(&mut windows, &event("192.0.2.1", 500_000, "/", 200));
    fired(&mut windows, &event("192.0.2.1", 1_000, "/", 200));
    assert_eq!(windows.late(), 1);
    fired(&mut windows, &event("192.0.2.1", 490_000, "/", 200));
    assert_eq!(windows.late(), 1);
}

#[test]
fn memory_is_bounded_and_a_busy_address_survives_a_flood_of_others() {
    let mut windows = Windows::new(WindowOptions {
        max_addresses: 64,
        ..options()
    });
    let mut found = false;
    for n in 0..5_000u32 {
        let address = IpAddr::from((0x0a00_0000 + n).to_be_bytes()).to_string();
        fired(&mut windows, &event(&address, i64::from(n), "/", 200));
        found |= n % 4 == 0
            && fired(&mut windows, &event("192.0.2.1", i64::from(n), "/", 200))
                .contains(&Window::RequestRate);
    }
    assert!(windows.addresses() <= 64);
    assert!(windows.evicted() > 4_000);
    assert!(found);
}

#[test]
fn static_files_are_known_by_their_ending() {
    assert!(is_static(b"/a/b.CSS"));
    assert!(is_static(b"/f.woff2"));
    assert!(!is_static(b"/css"));
    assert!(!is_static(b"css"));
    assert!(!is_static(b"/a.php"));
    assert!(!is_static(b"/a."));
    assert!(!is_static(b"/a.css/"));
    assert!(!is_static(b""));
}
