//! The results of examples as JUnit's XML, which build servers read.

use std::fmt::Write as _;

use crate::examples::Verdict;

/// One suite a rule file, one case an example.
pub fn junit(verdicts: &[Verdict]) -> String {
    let failed = |verdicts: &[Verdict]| verdicts.iter().filter(|one| one.problem.is_some()).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    _ = writeln!(
        xml,
        "<testsuites name=\"vigil test-rules\" tests=\"{}\" failures=\"{}\" errors=\"0\">",
        verdicts.len(),
        failed(verdicts)
    );
    for suite in verdicts.chunk_by(|one, next| one.file == next.file) {
        let file = suite.first().map_or("", |verdict| &verdict.file);
        _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\">",
            escaped(file),
            suite.len(),
            failed(suite)
        );
        for verdict in suite {
            write_case(&mut xml, verdict);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn write_case(xml: &mut String, verdict: &Verdict) {
    let must = if verdict.should_match {
        "must match"
    } else {
        "must not match"
    };
    _ = write!(
        xml,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\"",
        escaped(&verdict.rule),
        escaped(&format!("{must}: {}", verdict.example)),
        escaped(&verdict.file)
    );
    let Some(problem) = &verdict.problem else {
        xml.push_str("/>\n");
        return;
    };
    _ = writeln!(
        xml,
        ">\n      <failure type=\"example\" message=\"{}\">{}</failure>\n    </testcase>",
        escaped(problem),
        escaped(&verdict.details.join("\n"))
    );
}

/// As XML's text or attribute; what no XML may hold is written as `\u{…}`.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' => xml.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => _ = write!(xml, "{}", one.escape_unicode()),
            one if one.is_control() => _ = write!(xml, "{}", one.escape_unicode()),
            one => xml.push(one),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_stand_in_the_suite_of_their_file() {
        let verdict = |file: &str, problem: Option<&str>| Verdict {
            rule: "A \"rule\"".into(),
            file: file.into(),
            example: "/?q=<b>\u{1b}&\u{ffff}".into(),
            should_match: problem.is_none(),
            problem: problem.map(str::to_owned),
            details: vec!["one".into(), "<two>".into()],
        };
        let xml = junit(&[
            verdict("a.yml", None),
            verdict("a.yml", Some("it does")),
            verdict("b.yml", None),
        ]);
        assert_eq!(
            xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites name=\"vigil test-rules\" tests=\"3\" failures=\"1\" errors=\"0\">
  <testsuite name=\"a.yml\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\">
    <testcase classname=\"A &quot;rule&quot;\" name=\"must match: /?q=&lt;b&gt;\\u{1b}&amp;\\u{ffff}\" file=\"a.yml\"/>
    <testcase classname=\"A &quot;rule&quot;\" name=\"must not match: /?q=&lt;b&gt;\\u{1b}&amp;\\u{ffff}\" file=\"a.yml\">
      <failure type=\"example\" message=\"it does\">one&#10;&lt;two&gt;</failure>
    </testcase>
  </testsuite>
  <testsuite name=\"b.yml\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\">
    <testcase classname=\"A &quot;rule&quot;\" name=\"must match: /?q=&lt;b&gt;\\u{1b}&amp;\\u{ffff}\" file=\"b.yml\"/>
  </testsuite>
</testsuites>
"
        );
    }
}
