//! An expression in CEL, with a bound on what it may cost.
//!
//! Bounded before it runs: its length (by the protocol), its depth, its parts, and that a list is gone
//! through once at most, never within another. So the cost of one item is at most the parts times the
//! longest list in the item's data. Only names that exist are accepted, so that a slip of the pen is
//! told and not a filter that never lets anything through.

use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::PrattParser;
use cel::{Context, Env, Value};
use vigil_bus::Published;

use super::{NotAFilter, Parsed, short};

/// The most parts: names, values, calls.
const MAX_PARTS: usize = 256;
/// How deep parts may be nested.
const MAX_DEPTH: usize = 40;

/// What an expression may name.
const NAMES: [&str; 8] = [
    "type",
    "id",
    "channel",
    "offset",
    "timestamp",
    "severity",
    "rank",
    "data",
];

/// The functions that an expression may call, beside operators.
const FUNCTIONS: [&str; 10] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "double",
    "string",
    "network",
    "uint",
    "bool",
];

/// The functions and operators of the standard library, made once.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A checked expression.
#[derive(Debug)]
pub(super) struct Expression(IdedExpr);

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
        let mut check = Check::default();
        check.look(&parsed, 0)?;
        if is_never_a_truth(&parsed) {
            return Err(NotAFilter(
                "the expression is never true or false: compare it with something".to_owned(),
            ));
        }
        Ok(Self(parsed))
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
        matches!(context.resolve(&self.0), Ok(Value::Bool(true)))
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

/// How deep brackets are nested, texts included: a little too strict, and safe.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn too_deep() -> NotAFilter {
    NotAFilter(format!(
        "the expression is nested too deeply: at most {MAX_DEPTH} levels"
    ))
}

/// A walk over an expression.
#[derive(Default)]
struct Check {
    parts: usize,
    /// Names that `exists` and `all` introduce.
    bound: Vec<String>,
    in_list: bool,
}

impl Check {
    fn look(&mut self, part: &IdedExpr, depth: usize) -> Result<(), NotAFilter> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(NotAFilter(format!(
                "the expression has too many parts: at most {MAX_PARTS}"
            )));
        }
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let below = depth + 1;
        match &part.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.look(&select.operand, below),
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|one| self.look(one, below)),
            Expr::Call(call) => {
                function(&call.func_name)?;
                call.target
                    .iter()
                    .map(|target| &**target)
                    .chain(&call.args)
                    .try_for_each(|one| self.look(one, below))
            }
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.look(&entry.key, below)?;
                    self.look(&entry.value, below)
                }
                EntryExpr::StructField(field) => self.look(&field.value, below),
            }),
            Expr::Struct(_) => Err(NotAFilter(
                "the expression makes a message: compare fields instead".to_owned(),
            )),
            Expr::Comprehension(list) => self.list(list, below),
        }
    }

    /// `exists` and `all` end in a truth; `map` and `filter` build lists, which a filter has no use for.
    fn list(
        &mut self,
        list: &cel::common::ast::ComprehensionExpr,
        depth: usize,
    ) -> Result<(), NotAFilter> {
        if self.in_list {
            return Err(NotAFilter(
                "the expression goes through a list within another: once is allowed".to_owned(),
            ));
        }
        if !matches!(list.accu_init.expr, Expr::Literal(_)) {
            return Err(NotAFilter(
                "of the list functions `exists` and `all` may be used".to_owned(),
            ));
        }
        self.look(&list.iter_range, depth)?;
        self.in_list = true;
        let known = self.bound.len();
        self.bound.push(list.iter_var.clone());
        self.bound.extend(list.iter_var2.clone());
        self.bound.push(list.accu_var.clone());
        for part in [&list.loop_cond, &list.loop_step, &list.result] {
            self.look(part, depth)?;
        }
        self.bound.truncate(known);
        self.in_list = false;
        Ok(())
    }

    fn name(&self, name: &str) -> Result<(), NotAFilter> {
        if NAMES.contains(&name) || self.bound.iter().any(|bound| bound == name) {
            return Ok(());
        }
        let shown = vigil_event::text::truncated(name, 64);
        Err(NotAFilter(format!(
            "`{shown}` is unknown: use {}",
            NAMES.join(", ")
        )))
    }
}

/// Whether an expression gives something else than true or false, whatever the item: it would let nothing
/// through. What is read from `data` may be a truth.
fn is_never_a_truth(whole: &IdedExpr) -> bool {
    match &whole.expr {
        Expr::Literal(value) => !matches!(value, LiteralValue::Boolean(_)),
        Expr::Ident(name) => NAMES.contains(&name.as_str()),
        Expr::List(_) | Expr::Map(_) => true,
        Expr::Call(call) => matches!(
            call.func_name.as_str(),
            operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO
                | operators::NEGATE
                | "size"
                | "int"
                | "uint"
                | "double"
                | "string"
        ),
        _ => false,
    }
}

/// Operators have names that no identifier can have.
fn function(name: &str) -> Result<(), NotAFilter> {
    let is_operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
    if is_operator || FUNCTIONS.contains(&name) {
        return Ok(());
    }
    let shown = vigil_event::text::truncated(name, 64);
    Err(NotAFilter(format!(
        "there is no function `{shown}`: use has, exists, all, {}",
        FUNCTIONS.join(", ")
    )))
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
