//! An expression in CEL: how it is read, and what it says of an item. What it may be stands in `check.rs`.

use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::parser::PrattParser;
use cel::{Context, Env, Value};
use vigil_bus::Published;

use super::check::{self, Cost, MAX_DEPTH, MAX_PARTS, nesting, too_deep};
use super::{NotAFilter, Parsed, short};

/// The functions and operators of the standard library, made once.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A checked expression.
#[derive(Debug)]
pub(super) struct Expression {
    whole: IdedExpr,
    cost: Cost,
}

impl Expression {
    pub(super) fn new(text: &str) -> Result<Self, NotAFilter> {
        if nesting(text) > MAX_DEPTH {
            return Err(too_deep());
        }
        let parsed = PrattParser::default()
            .max_recursion_depth(MAX_DEPTH as u16)
            .max_expression_node_count(MAX_PARTS * 2)
            .error_reporting_limit(1)
            .parse(text)
            .map_err(|errors| {
                let said = errors.to_string();
                let first = said.lines().next().unwrap_or_default();
                NotAFilter(format!(
                    "the expression is not understood: {}",
                    vigil_event::text::truncated(first, 200)
                ))
            })?;
        let cost = check::checked(&parsed)?;
        Ok(Self {
            whole: parsed,
            cost,
        })
    }

    /// Whether it may be asked of an item that holds so much.
    pub(super) fn may_be_asked_of(&self, parsed: &Parsed) -> bool {
        self.cost.allows(parsed.values())
    }

    /// Whether it is true of the item. What fails, or gives anything but a truth, is not.
    pub(super) fn holds(&self, item: &Published, parsed: &Parsed) -> bool {
        let publication = &item.publication;
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        let text = |text: &str| Value::String(Arc::new(text.to_owned()));
        context.add_variable_from_value("type", text(publication.kind.name()));
        context.add_variable_from_value("id", text(&publication.id.to_string()));
        context.add_variable_from_value("channel", text(&publication.channel));
        context.add_variable_from_value("offset", Value::Int(item.offset.cast_signed()));
        context.add_variable_from_value("timestamp", text(&publication.timestamp.to_string()));
        context.add_variable_from_value("severity", text(publication.severity.name()));
        context.add_variable_from_value("rank", Value::Int(publication.severity.rank().into()));
        context.add_variable_from_value("data", parsed.cel().clone());
        if context.add_function("network", lies_in).is_err() {
            return false;
        }
        matches!(context.resolve(&self.whole), Ok(Value::Bool(true)))
    }
}

/// Whether an address lies in a network. Nonsense lies nowhere.
#[expect(
    clippy::needless_pass_by_value,
    reason = "functions of an expression are given their arguments"
)]
fn lies_in(address: Arc<String>, network: Arc<String>) -> bool {
    let address = address.parse::<std::net::IpAddr>();
    let network = short::network(&network);
    matches!((address, network), (Ok(address), Ok(network)) if network.contains(&address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_never_be_true_is_told() {
        for text in [
            "1 + 1",
            "'high'",
            "severity",
            "data",
            "size(data.list)",
            "[true]",
            "-rank",
            "-1",
        ] {
            let refused = Expression::new(text).map_err(|error| error.0);
            assert!(refused.unwrap_err().contains("never true"), "{text}");
        }
        for text in [
            "true",
            "data.flag",
            "data.list[0]",
            "!data.flag",
            "rank > 1 ? data.a : data.b",
            "bool(data.flag)",
            "network(data.source.ip, '10.0.0.0/8')",
            "data.list.exists(x, x > 1)",
            "'a' in data.list",
            "has(data.a)",
        ] {
            assert!(Expression::new(text).is_ok(), "{text}");
        }
    }

    /// Nothing that a client can write may bring the parser or the walk down.
    #[test]
    fn hostile_texts_are_refused_and_quickly() {
        let started = std::time::Instant::now();
        for text in [
            "!".repeat(4_000),
            "-".repeat(4_000),
            "(".repeat(4_000),
            "[".repeat(4_000),
            "{".repeat(4_000),
            "a?".repeat(2_000),
            "true?true:".repeat(400),
            "data.".repeat(800),
            "data.a".to_owned() + &".a".repeat(2_000),
            "data".to_owned() + &"[0]".repeat(1_300),
            "1+".repeat(2_000) + "1",
            "1==".repeat(1_300) + "1",
            "data.exists(x,".repeat(280),
            "'".repeat(4_001),
            "\"\\u".repeat(1_000),
            "\u{0}".repeat(4_000),
            "b'\\xff'".to_owned(),
            "99999999999999999999999".to_owned(),
            "1e99999".to_owned(),
        ] {
            if let Ok(expression) = Expression::new(&text) {
                assert!(text.len() < 100, "{text} was accepted: {expression:?}");
            }
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(20));
    }
}
