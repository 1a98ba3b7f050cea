//! Paths that are new: files of a new build, names below a page, pages that visitors find.

use super::tests::{Bench, active, asked_by, event};

/// A known site with a file of a build and a page that hardly anybody asks for.
fn bench() -> Bench {
    let mut bench = active();
    for number in 0..200 {
        bench.visits(5);
        let script = event(number, bench.now_ms, "/assets/index-Bq81xZ0a.js", &[]);
        bench.show(&script, 0.0);
        if number % 18 == 0 {
            let rare = event(number, bench.now_ms, "/imprint", &[]);
            bench.show(&rare, 0.0);
        }
    }
    bench.publish();
    bench
}

#[test]
fn a_file_of_a_new_build_is_no_threat_and_another_one_is() {
    let mut bench = bench();
    assert!(bench.score("/assets/index-9xKd03Lm.js", &[]) < 5.0);
    for other in [
        "/assets/shell-9xKd03Lm.js",
        "/assets/index-9xKd03Lm.php",
        "/assets/index-9xKd03Lm'.js",
    ] {
        assert!(bench.score(other, &[]) >= 5.0, "{other}");
    }
}

#[test]
fn a_name_below_a_page_is_compared_with_those_beside_the_page() {
    let mut bench = bench();
    let long = format!("/imprint/{}", "a".repeat(300));
    for path in ["/imprint/x'", "/item/100/<b>", &long] {
        assert!(bench.score(path, &[]) >= 5.0, "{path}");
    }
}

#[test]
fn a_method_that_no_page_takes_is_odd_where_few_come_too() {
    let mut bench = bench();
    let get = asked_by("GET", 9_999, bench.now_ms, "/imprint", &[]);
    assert_eq!(bench.show(&get, 0.0), None);
    let delete = asked_by("DELETE", 9_999, bench.now_ms, "/imprint", &[]);
    let said = bench.show(&delete, 0.0).unwrap();
    assert!(said.score.value() >= 5.0, "{said:?}");
}

#[test]
fn a_page_that_visitors_find_is_no_threat_before_it_is_known() {
    let mut bench = active();
    let ask = |client: u32, at_ms: i64| event(client, at_ms, "/calendar", &[]);
    assert!(bench.score("/calendar", &[]) >= 5.0);
    for client in 0..6 {
        let found = ask(client, bench.now_ms);
        bench.show(&found, 0.0);
    }
    bench.visits(1);
    assert!(bench.score("/calendar", &[]) < 5.0);
}
