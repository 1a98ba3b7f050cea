//! Lists of addresses in every form, whole and broken.

use std::path::Path;

use proptest::prelude::*;
use vigil_enrich::{AddressFile, Column, ListEntry, ListError, ListFormat};

use crate::Files;

fn parse(text: &str, format: &ListFormat) -> Result<AddressFile, ListError> {
    AddressFile::parse(text.as_bytes(), format, Path::new("list.txt"))
}

fn csv(column: &str, score: &str, label: &str) -> ListFormat {
    ListFormat {
        column: Column::parse(column),
        score_column: Column::parse(score),
        label_column: Column::parse(label),
        ..ListFormat::default()
    }
}

fn entry(network: &str, score: Option<f64>, label: &str) -> ListEntry {
    ListEntry {
        network: network.parse().expect("a network"),
        score,
        label: (!label.is_empty()).then(|| label.into()),
    }
}

#[test]
fn plain_lists_have_comments_and_labels() {
    let text = "\u{feff}# a list\r\n\n; another comment\n203.0.113.0/24 ; SBL1\r\n192.0.2.7#once\n2001:db8::/32\n ::1 \n";
    let file = parse(text, &ListFormat::default()).unwrap();
    assert_eq!(
        file.entries,
        [
            entry("203.0.113.0/24", None, "SBL1"),
            entry("192.0.2.7/32", None, "once"),
            entry("2001:db8::/32", None, ""),
            entry("::1/128", None, ""),
        ]
    );
    assert_eq!(file.bad_lines, 0);
}

#[test]
fn bad_lines_are_told_with_their_numbers_and_the_rest_is_read() {
    let mut text = "192.0.2.1\n\nnot an address\n192.0.2.300\n192.0.2.0/33\n".to_owned();
    text.push_str(&"x".repeat(5_000));
    text.push_str("\n\u{1b}[31m\n192.0.2.2\nyet another\nand another\n");
    let file = parse(&text, &ListFormat::default()).unwrap();
    assert_eq!(file.entries.len(), 2);
    assert_eq!(file.bad_lines, 7);
    let numbers: Vec<_> = file
        .first_bad_lines
        .iter()
        .map(|line| line.number)
        .collect();
    assert_eq!(numbers, [3, 4, 5, 6, 7]);
    assert!(
        !file.first_bad_lines[4].reason.contains('\u{1b}'),
        "terminals are safe"
    );
}

#[test]
fn a_file_of_nothing_but_bad_lines_is_refused() {
    let error = parse("<html>\n<body>404</body>\n", &ListFormat::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("none of 2 lines") && error.contains("line 1") && error.contains("<html>"),
        "{error}"
    );
    assert_eq!(
        parse("# nothing today\n", &ListFormat::default())
            .unwrap()
            .entries,
        []
    );
}

#[test]
fn csv_by_name_and_by_number() {
    let text = "# a feed\n# \"first_seen\",\"dst_ip\",\"confidence\",\"malware\"\n\"2026-01-01\",\"192.0.2.7\",\"75\",\"Bad, very\"\n2026-01-02,198.51.100.0/24,,\n2026-01-03,oops,1,x\n2026-01-03,192.0.2.9,many,x\n";
    let by_name = ListFormat {
        worst_score: 100.0,
        ..csv("DST_IP", "confidence", "malware")
    };
    let wanted = [
        entry("192.0.2.7/32", Some(7.5), "Bad, very"),
        entry("198.51.100.0/24", None, ""),
    ];
    let file = parse(text, &by_name).unwrap();
    assert_eq!(file.entries, wanted);
    assert_eq!(file.bad_lines, 2);
    assert_eq!(file.first_bad_lines[0].number, 5);
    let by_number = ListFormat {
        worst_score: 100.0,
        ..csv("2", "3", "4")
    };
    assert_eq!(parse(text, &by_number).unwrap().entries, wanted);
    let header = "address;note\n192.0.2.1;x\n";
    let with_header = ListFormat {
        separator: ';',
        ..csv("1", "", "2")
    };
    let file = parse(header, &with_header).unwrap();
    assert_eq!(file.entries, [entry("192.0.2.1/32", None, "x")]);
    assert_eq!(file.bad_lines, 0, "a first row of names is no bad line");
}

#[test]
fn a_column_that_is_not_there_is_named() {
    let error = parse("a,b\n192.0.2.1,2\n", &csv("address", "", ""))
        .unwrap_err()
        .to_string();
    assert!(error.contains("`address`"), "{error}");
}

#[test]
fn networks_of_bots_as_search_engines_publish_them() {
    let text = r#"{"creationTime":"2026-01-01T00:00:00","prefixes":[{"ipv6Prefix":"2001:db8:10::/64"},{"ipv4Prefix":"192.0.2.0/27"},{"ipv4Prefix":"no"},{}]}"#;
    let file = parse(text, &ListFormat::default()).unwrap();
    assert_eq!(
        file.entries,
        [
            entry("2001:db8:10::/64", None, ""),
            entry("192.0.2.0/27", None, "")
        ]
    );
    assert_eq!(file.bad_lines, 2);
    let error = parse("{\"ranges\": []}", &ListFormat::default()).unwrap_err();
    assert!(error.to_string().contains("prefixes"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = AddressFile::read(Path::new("/nowhere/list.txt"), &ListFormat::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("/nowhere/list.txt"), "{error}");
    let path = Files::new().write("list.txt", b"192.0.2.1\n");
    assert!(AddressFile::read(&path, &ListFormat::default()).is_err());
}

proptest! {
    #[test]
    fn whatever_a_file_holds_every_line_is_read_or_counted(
        lines in proptest::collection::vec("[ -~\u{e9}]{0,20}|192\\.0\\.2\\.[0-9]{1,3}(/[0-9]{1,2})?", 0..30),
        column in proptest::option::of(0usize..4),
    ) {
        let text = lines.join("\n");
        let format = ListFormat { column: column.map(Column::Numbered), ..ListFormat::default() };
        let said = lines.iter().filter(|line| !line.trim().is_empty()).count();
        if let Ok(file) = parse(&text, &format) {
            prop_assert!(file.entries.len() + file.bad_lines <= said.max(1));
        }
    }

    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for format in [ListFormat::default(), csv("1", "2", "3"), csv("a", "", "")] {
            _ = AddressFile::parse(&bytes, &format, Path::new("x"));
        }
    }
}
