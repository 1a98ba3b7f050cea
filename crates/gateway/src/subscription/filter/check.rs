//! What an expression may be: only names and functions that exist, so that a slip of the pen is told and
//! not a filter that never lets anything through, and a bound on what it may cost.
//!
//! Bounded before it runs: its length (by the protocol), its depth, its parts, and that a list is gone
//! through once at most, never within another. What it costs for one item is known from that and from how
//! much the item's data holds; see [`Cost`].

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use super::{NotAFilter, short};

/// The most parts: names, values, calls.
pub(super) const MAX_PARTS: usize = 256;
/// How deep parts may be nested.
pub(super) const MAX_DEPTH: usize = 40;
/// The most steps that one item may take.
const MAX_STEPS: usize = 50_000;

/// What an expression may name.
const NAMES: [&str; 8] = [
    "type",
    "id",
    "channel",
    "offset",
    "timestamp",
    "severity",
    "rank",
    DATA,
];

/// The name of what has no bound of its own.
const DATA: &str = "data";

/// The functions that an expression may call, beside operators, and how many arguments each takes; of a
/// text or list it is asked of the first may stand before the dot.
const FUNCTIONS: [(&str, usize); 10] = [
    ("size", 1),
    ("contains", 2),
    ("startsWith", 2),
    ("endsWith", 2),
    ("int", 1),
    ("double", 1),
    ("string", 1),
    ("network", 2),
    ("uint", 1),
    ("bool", 1),
];

/// What an expression costs for one item, in steps: a part may have to look at all the values there are in
/// `data`, by comparing it or by going through it. Joining looks again at what was joined before. What
/// names `data` for each element of a list looks at all values for each of them, and a list that names it
/// several times has all values as often.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    parts: usize,
    joins: usize,
    data_in_list: usize,
    /// Of the lists that are gone through the one that names it most often.
    data_as_list: usize,
}

impl Cost {
    /// Whether it may be asked of data with so many values.
    pub(super) fn allows(self, values: usize) -> bool {
        let once = (self.parts + self.joins * self.joins) * self.data_as_list.max(1);
        let again = values.saturating_mul(self.data_in_list * self.data_in_list);
        values.saturating_mul(once.saturating_add(again)) <= MAX_STEPS
    }
}

/// Looks at an expression that was understood.
pub(super) fn checked(whole: &IdedExpr) -> Result<Cost, NotAFilter> {
    let mut check = Check::default();
    check.look(whole, 0)?;
    if is_never_a_truth(whole) {
        return Err(NotAFilter(
            "the expression is never true or false: compare it with something".to_owned(),
        ));
    }
    Ok(check.cost)
}

/// How deep brackets are nested, texts included: a little too strict, and safe.
pub(super) fn nesting(text: &str) -> usize {
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

pub(super) fn too_deep() -> NotAFilter {
    NotAFilter(format!(
        "the expression is nested too deeply: at most {MAX_DEPTH} levels"
    ))
}

/// A walk over an expression.
#[derive(Default)]
struct Check {
    cost: Cost,
    /// Names that `exists` and `all` introduce.
    bound: Vec<String>,
    in_list: bool,
    /// How often `data` was named so far.
    named_data: usize,
}

impl Check {
    fn look(&mut self, part: &IdedExpr, depth: usize) -> Result<(), NotAFilter> {
        self.cost.parts += 1;
        if self.cost.parts > MAX_PARTS {
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
                function(call)?;
                self.cost.joins += usize::from(call.func_name == operators::ADD);
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
        if !is_there(&list.iter_range) {
            return Err(NotAFilter(
                "`exists` and `all` go through a path in `data` or a list that is written out"
                    .to_owned(),
            ));
        }
        let before = self.named_data;
        self.look(&list.iter_range, depth)?;
        self.cost.data_as_list = self.cost.data_as_list.max(self.named_data - before);
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

    fn name(&mut self, name: &str) -> Result<(), NotAFilter> {
        self.named_data += usize::from(name == DATA);
        self.cost.data_in_list += usize::from(self.in_list && name == DATA);
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

/// Whether a list is there already, and not to be made of others first.
fn is_there(list: &IdedExpr) -> bool {
    match &list.expr {
        Expr::Ident(_) | Expr::Literal(_) => true,
        Expr::Select(select) => is_there(&select.operand),
        Expr::List(list) => list.elements.iter().all(is_there),
        Expr::Call(call) => call.func_name == operators::INDEX && call.args.iter().all(is_there),
        _ => false,
    }
}

/// Operators have names that no identifier can have.
fn function(call: &CallExpr) -> Result<(), NotAFilter> {
    let name = call.func_name.as_str();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Ok(());
    }
    let shown = vigil_event::text::truncated(name, 64);
    let Some((_, takes)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
        let known = FUNCTIONS.map(|(known, _)| known).join(", ");
        return Err(NotAFilter(format!(
            "there is no function `{shown}`: use has, exists, all, {known}"
        )));
    };
    let given = call.args.len() + usize::from(call.target.is_some());
    if given != *takes {
        return Err(NotAFilter(format!(
            "`{shown}` takes {takes} values, here it is given {given}"
        )));
    }
    if name == "network"
        && let Some(Expr::Literal(LiteralValue::String(text))) =
            call.args.last().map(|last| &last.expr)
    {
        short::network(text.inner())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use vigil_bus::Published;
    use vigil_event::Severity;

    use super::super::expression::Expression;
    use super::super::tests::{item, says_of};

    fn refusal(text: &str) -> String {
        Expression::new(text).map_or_else(|error| error.to_string(), |_| String::new())
    }

    fn with_list(values: usize) -> Published {
        let list = vec!["7"; values].join(",");
        item(&format!(r#"{{"list":[{list}]}}"#), Severity::High)
    }

    #[test]
    fn a_function_that_is_called_wrongly_is_told() {
        for (text, said) in [
            (
                "network(data.source.ip)",
                "takes 2 values, here it is given 1",
            ),
            ("network(data.source.ip, 'zz') || true", "must be networks"),
            ("size() > 1", "takes 1 values"),
            ("data.host.startsWith()", "takes 2 values"),
            ("data.host.contains('a', 'b')", "given 3"),
        ] {
            assert!(refusal(text).contains(said), "{text}: {}", refusal(text));
        }
        for text in [
            "data.list.size() > 1",
            "network(data.source.ip, data.network)",
            "network(data.source.ip, '192.0.2.7')",
        ] {
            assert_eq!(refusal(text), "", "{text}");
        }
    }

    #[test]
    fn a_list_that_is_gone_through_is_there_already() {
        for text in [
            "(data.a + data.b).exists(x, x > 1)",
            "(rank > 1 ? data.a : data.b).exists(x, x > 1)",
        ] {
            assert!(refusal(text).contains("a path in `data`"), "{text}");
        }
        for text in [
            "data.exists(x, x == 'a')",
            "data.a['b'][0].exists(x, x > 1)",
            "[data.a, data.b, 7].exists(x, x > 1)",
        ] {
            assert_eq!(refusal(text), "", "{text}");
        }
    }

    /// What looks at all of a list for each of its elements took half a second for five thousand.
    #[test]
    fn what_would_cost_too_much_for_an_item_is_not_true_of_it() {
        let joined = vec!["data.list"; 30].join(" + ");
        let (data, same) = (vec!["data"; 40].join(", "), vec!["x == x"; 20].join(" && "));
        let listed = format!("[{data}].all(x, {same})");
        for (text, cheap, dear) in [
            ("data.list.exists(x, x in data.list)", 200, 300),
            ("data.list.all(x, data.list == data.list)", 100, 300),
            (&*format!("size({joined}) > 1"), 40, 100),
            ("data.list.exists(x, x > 1)", 3_000, 30_000),
            (&*listed, 2, 200),
        ] {
            assert!(says_of(text, &with_list(cheap)), "{text}");
            assert!(!says_of(text, &with_list(dear)), "{text}");
        }
    }
}
