//! Text that no friend wrote: loading never panics, and takes bounded time and stack.

use proptest::prelude::*;
use vigil_rule::{RuleFile, RuleSet};

use crate::sigma;

fn load(text: String) -> bool {
    RuleSet::load(&[RuleFile {
        name: "x.yml".to_owned(),
        text,
    }])
    .is_ok()
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("(", ")"), ("not ", ""), ("not(", ")")] {
        for depth in [50, 5000] {
            let condition = format!("{}selection{}", open.repeat(depth), close.repeat(depth));
            _ = RuleSet::load(&[sigma::rule(&format!(
                "selection:\n  url.path: x\ncondition: {condition}"
            ))]);
        }
    }
    assert!(!load("[".repeat(100_000)));
    assert!(!load("a: ".repeat(100_000)));
    assert!(!load(format!("title: {}", "x".repeat(2 << 20))));
    let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n";
    assert!(!load(bomb.to_owned()));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
        load(text);
    }

    #[test]
    fn any_tokens_are_read_without_panic(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "title:", "id:", "detection:", "condition:", "selection", "\n", "\n  ", "\n    ", "- ", ": ", "|", "contains",
                "url.path", "re", "'", "\"", "[", "]", "{", "}", "&a", "*a", "1 of", "them", "not", "(", "---\n", "vigil:", "!t",
                "null", "~", "\u{e9}", "<<", "0x10", "examples:", "match:", "?",
            ]),
            0..40,
        )
    ) {
        load(tokens.concat());
    }

    #[test]
    fn any_pattern_is_read_without_panic(pattern in "[a-c()\\[\\]{}|*+?^$.\\\\0-9,:<>=!i-]{0,40}") {
        let quoted = pattern.replace('\'', "''");
        _ = RuleSet::load(&[sigma::rule(&format!("selection:\n  url.path|re: '{quoted}'\ncondition: selection"))]);
    }
}
