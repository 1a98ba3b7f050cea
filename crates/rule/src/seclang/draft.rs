//! From directives to checked rules, not yet compiled.
//!
//! Owns: what actions and variables mean, which rules cannot be had and why. Never holds: compiled
//! operators, values.

use super::syntax::{self, Action, Directive, Selector, Variable};
use super::text::Text;
use super::transform::Transform;

/// A rule of SecLang, with the rules chained to it.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) id: u32,
    pub(super) phase: u8,
    /// The place of its file.
    pub(super) file: usize,
    pub(super) line: u32,
    pub(super) message: String,
    pub(super) severity: String,
    pub(super) tags: Vec<String>,
    pub(super) version: String,
    /// It would stop the request.
    pub(super) disruptive: bool,
    /// It is told of when it matches.
    pub(super) logged: bool,
    pub(super) skip_after: Option<String>,
    pub(super) links: Vec<DraftLink>,
    /// Why it cannot be had.
    pub(super) refused: Option<String>,
}

/// One rule of a chain.
#[derive(Clone, Debug, Default)]
pub(super) struct DraftLink {
    pub(super) variables: Vec<Variable>,
    pub(super) negated: bool,
    /// Without `@`; `unconditionalMatch` for a SecAction.
    pub(super) operator: String,
    pub(super) argument: Text,
    pub(super) transforms: Vec<Transform>,
    pub(super) multi_match: bool,
    /// The groups of its match are `TX:0` to `TX:9`.
    pub(super) capture: bool,
    pub(super) effects: Vec<Effect>,
}

/// What a match does beside being one.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// Of a variable `TX:name`.
    Set { name: Text, change: Change },
    /// Takes out rules for the rest of the request.
    Remove(Who),
    /// Takes out a variable of rules for the rest of the request.
    RemoveTarget(Who, Variable),
    /// Takes out all rules for the rest of the request.
    Off,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    To(Text),
    Plus(Text),
    Minus(Text),
    Unset,
}

/// Rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// From this id to that one.
    Ids(u32, u32),
    Tag(String),
    Message(String),
}

impl Who {
    /// `942100` or `942100-942999`.
    pub(super) fn ids(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some(Self::Ids(
            first.trim().parse().ok()?,
            last.trim().parse().ok()?,
        ))
    }

    pub(super) fn names(&self, draft: &Draft) -> bool {
        match self {
            Self::Ids(first, last) => (*first..=*last).contains(&draft.id),
            Self::Tag(tag) => draft.tags.iter().any(|own| own == tag),
            Self::Message(message) => draft.message == *message,
        }
    }
}

/// What the files hold, in order.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Rule(Box<Draft>),
    Marker(String),
}

/// A directive that means nothing to us, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ignored {
    pub(super) file: usize,
    pub(super) line: u32,
    pub(super) reason: String,
}

/// Reads files one after the other.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) steps: Vec<Step>,
    pub(super) ignored: Vec<Ignored>,
    /// The last rule waits for the next link of its chain.
    open: bool,
    /// For each phase the transformations and whether matches are told, unless a rule says other.
    defaults: [Vec<Action>; 6],
    exceptions: Vec<(Who, Option<Vec<Variable>>)>,
}

/// Directives that set up a firewall, not rules.
const SETTINGS: [&str; 8] = [
    "secruleengine",
    "seccomponentsignature",
    "seccollectiontimeout",
    "secrequestbody",
    "secresponsebody",
    "secaudit",
    "secdebug",
    "secunicodemapfile",
];

impl Reader {
    pub(super) fn file(&mut self, file: usize, text: &str) {
        for directive in syntax::directives(text) {
            self.directive(file, &directive);
        }
        self.open = false;
    }

    fn directive(&mut self, file: usize, directive: &Directive) {
        let argument = |place: usize| directive.arguments.get(place).map_or("", String::as_str);
        let name = directive.name.to_ascii_lowercase();
        match name.as_str() {
            "secrule" => self.rule(file, directive, argument(0), argument(1), argument(2)),
            "secaction" => self.rule(file, directive, "", "@unconditionalMatch", argument(0)),
            "secmarker" => self.steps.push(Step::Marker(argument(0).to_owned())),
            "secdefaultaction" => {
                let actions = syntax::actions(argument(0));
                let phase = actions.iter().find(|one| one.name == "phase");
                let place = usize::from(phase.map_or(2, |one| phase_of(&one.value)));
                if let Some(slot) = self.defaults.get_mut(place) {
                    *slot = actions;
                }
            }
            "secruleremovebyid" => {
                for ids in directive
                    .arguments
                    .iter()
                    .flat_map(|all| all.split([',', ' ']))
                {
                    self.except(Who::ids(ids), None);
                }
            }
            "secruleremovebytag" => self.except(Some(Who::Tag(argument(0).into())), None),
            "secruleremovebymsg" => self.except(Some(Who::Message(argument(0).into())), None),
            "secruleupdatetargetbyid" => {
                self.except(Who::ids(argument(0)), Some(syntax::variables(argument(1))));
            }
            "secruleupdatetargetbytag" => {
                let who = Who::Tag(argument(0).to_owned());
                self.except(Some(who), Some(syntax::variables(argument(1))));
            }
            _ if SETTINGS.iter().any(|setting| name.starts_with(setting)) => {}
            _ => self.ignored.push(Ignored {
                file,
                line: directive.line,
                reason: format!("`{}` means nothing here", directive.name),
            }),
        }
    }

    fn except(&mut self, who: Option<Who>, variables: Option<Vec<Variable>>) {
        self.exceptions.extend(who.map(|who| (who, variables)));
    }

    fn rule(
        &mut self,
        file: usize,
        directive: &Directive,
        variables: &str,
        operator: &str,
        actions: &str,
    ) {
        let actions = syntax::actions(actions);
        let mut link = DraftLink {
            variables: syntax::variables(variables),
            ..DraftLink::default()
        };
        link.ask(operator);
        let chained = actions.iter().any(|action| action.name == "chain");
        let continued = std::mem::replace(&mut self.open, chained);
        let mut draft = match self.steps.pop() {
            Some(Step::Rule(draft)) if continued => *draft,
            before => {
                self.steps.extend(before);
                let phase = actions.iter().find(|one| one.name == "phase");
                let phase = phase.map_or(2, |one| phase_of(&one.value));
                let mut draft = Draft::new(file, directive.line, phase);
                let defaults = self.defaults.get(usize::from(phase)).cloned();
                for action in defaults.unwrap_or_default() {
                    draft.act(&action, &mut link);
                }
                draft
            }
        };
        for action in &actions {
            draft.act(action, &mut link);
        }
        draft.links.push(link);
        self.steps.push(Step::Rule(Box::new(draft)));
    }

    /// The rules after what was said of them elsewhere.
    pub(super) fn finish(mut self) -> (Vec<Step>, Vec<Ignored>) {
        for step in &mut self.steps {
            let Step::Rule(draft) = step else { continue };
            for (who, variables) in &self.exceptions {
                if !who.names(draft) {
                    continue;
                }
                match variables {
                    None => draft.refuse("it is taken out by the configuration".to_owned()),
                    Some(variables) => {
                        if let Some(link) = draft.links.first_mut() {
                            link.variables.extend(variables.iter().cloned());
                        }
                    }
                }
            }
        }
        (self.steps, self.ignored)
    }
}

fn phase_of(text: &str) -> u8 {
    match text {
        "request" => 2,
        "response" => 4,
        "logging" => 5,
        _ => text.parse().ok().filter(|phase| *phase < 6).unwrap_or(2),
    }
}

impl DraftLink {
    /// The variables that tell whether it matches.
    pub(super) fn asked(&self) -> impl Iterator<Item = &Variable> {
        self.variables.iter().chain(self.argument.macros())
    }

    /// The variables that stand in what a match sets.
    pub(super) fn filled_in(&self) -> impl Iterator<Item = &Variable> {
        let texts = self.effects.iter().flat_map(|effect| match effect {
            Effect::Set { name, change } => match change {
                Change::To(text) | Change::Plus(text) | Change::Minus(text) => {
                    [Some(name), Some(text)]
                }
                Change::Unset => [Some(name), None],
            },
            Effect::Remove(_) | Effect::RemoveTarget(..) | Effect::Off => [None, None],
        });
        texts.flatten().flat_map(Text::macros)
    }

    /// Reads `!@name argument`; without a name it is a pattern.
    fn ask(&mut self, text: &str) {
        let text = text.trim_start();
        let (negated, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (name, argument) = match text.strip_prefix('@') {
            Some(rest) => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            None => ("rx", text),
        };
        self.negated = negated;
        name.clone_into(&mut self.operator);
        // White space at a pattern's start may be meant; at the end of a number it is not.
        let argument = if name.eq_ignore_ascii_case("rx") {
            argument
        } else {
            argument.trim()
        };
        self.argument = Text::new(argument);
    }
}

impl Draft {
    fn new(file: usize, line: u32, phase: u8) -> Self {
        Self {
            id: 0,
            phase,
            file,
            line,
            message: String::new(),
            severity: String::new(),
            tags: Vec::new(),
            version: String::new(),
            disruptive: false,
            logged: false,
            skip_after: None,
            links: Vec::new(),
            refused: None,
        }
    }

    /// Says why it cannot be had; the first reason stays.
    pub(super) fn refuse(&mut self, reason: String) {
        self.refused.get_or_insert(reason);
    }

    fn act(&mut self, action: &Action, link: &mut DraftLink) {
        let value = action.value.as_str();
        match action.name.as_str() {
            "id" => self.id = value.parse().unwrap_or(0),
            "msg" => value.clone_into(&mut self.message),
            "severity" => self.severity = value.to_ascii_uppercase(),
            "tag" => self.tags.push(value.to_owned()),
            "ver" => value.clone_into(&mut self.version),
            "block" | "deny" | "drop" | "redirect" => self.disruptive = true,
            "pass" | "allow" => self.disruptive = false,
            "log" => self.logged = true,
            "nolog" => self.logged = false,
            "skipafter" => self.skip_after = Some(value.to_owned()),
            "skip" => self.refuse("`skip` is not offered; `skipAfter` is".to_owned()),
            "multimatch" => link.multi_match = true,
            "capture" => link.capture = true,
            "t" if value.eq_ignore_ascii_case("none") => link.transforms.clear(),
            "t" => match Transform::of_name(value) {
                Some(transform) => link.transforms.push(transform),
                None => self.refuse(format!("the transformation `{value}` is not offered")),
            },
            "setvar" => self.set_variable(value, link),
            "ctl" => control(value, link),
            "exec" | "proxy" | "setenv" => {
                self.refuse(format!("`{}` acts on a server", action.name));
            }
            _ => {}
        }
    }

    /// `tx.name=+1`, `!tx.name`.
    fn set_variable(&mut self, text: &str, link: &mut DraftLink) {
        let (unset, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (target, value) = text.split_once('=').unwrap_or((text, "1"));
        let Some((collection, name)) = target.split_once(['.', ':']) else {
            return self.refuse(format!("`setvar:{text}` names no variable"));
        };
        // What is stored beyond a request only rules read that are not loaded for that reason.
        if !collection.trim().eq_ignore_ascii_case("tx") {
            return;
        }
        let change = match (unset, value.as_bytes()) {
            (true, _) => Change::Unset,
            (_, [b'+', ..]) => Change::Plus(Text::new(value.get(1..).unwrap_or_default())),
            (_, [b'-', ..]) => Change::Minus(Text::new(value.get(1..).unwrap_or_default())),
            _ => Change::To(Text::new(value)),
        };
        let name = Text::new(&name.trim().to_ascii_lowercase());
        link.effects.push(Effect::Set { name, change });
    }
}

fn control(text: &str, link: &mut DraftLink) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let (who, target) = value.split_once(';').unwrap_or((value, ""));
    let target = || syntax::variables(target).into_iter().next();
    let effect = match name.trim().to_ascii_lowercase().as_str() {
        "ruleremovebyid" => Who::ids(who).map(Effect::Remove),
        "ruleremovebytag" => Some(Effect::Remove(Who::Tag(who.to_owned()))),
        "ruleremovebymsg" => Some(Effect::Remove(Who::Message(who.to_owned()))),
        "ruleremovetargetbyid" => Who::ids(who)
            .zip(target())
            .map(|(who, target)| Effect::RemoveTarget(who, target)),
        "ruleremovetargetbytag" => {
            target().map(|target| Effect::RemoveTarget(Who::Tag(who.to_owned()), target))
        }
        "ruleremovetargetbymsg" => {
            target().map(|target| Effect::RemoveTarget(Who::Message(who.to_owned()), target))
        }
        "ruleengine" if value.eq_ignore_ascii_case("off") => Some(Effect::Off),
        // What a firewall writes or buffers; bodies are read as what they say they are.
        _ => None,
    };
    link.effects.extend(effect);
}

/// The variables that have a selector which is a name, without what is excluded.
pub(super) fn names_of(variable: &Variable) -> Option<&str> {
    match &variable.selector {
        Some(Selector::Name(name)) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may fail by a panic")]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Step> {
        let mut reader = Reader::default();
        reader.file(0, text);
        reader.finish().0
    }

    #[test]
    fn chains_are_one_rule_and_exceptions_reach_it() {
        let steps = read(
            "SecDefaultAction \"phase:2,log,pass\"\n\
             SecRule ARGS \"!@rx a\" \"id:1,phase:2,block,t:lowercase,t:none,t:urlDecode,msg:'m',severity:critical,tag:'x',setvar:'tx.a=+%{tx.b}',chain\"\n\
             SecRule &ARGS \"@gt 1\" \"ctl:ruleRemoveTargetById=2-3;ARGS:/p/\"\n\
             SecMarker END\n\
             SecRuleUpdateTargetById 1 \"!ARGS:y\"\n\
             SecRule ARGS b id:2,t:md5\n\
             SecRuleRemoveById 3\n",
        );
        let Step::Rule(first) = &steps[0] else {
            panic!()
        };
        assert_eq!(
            (first.links.len(), first.links[0].transforms.as_slice()),
            (2, &[Transform::UrlDecode][..])
        );
        assert!(first.links[0].negated && first.disruptive && first.logged);
        assert_eq!(first.links[0].variables.len(), 2);
        assert_eq!(first.links[1].effects.len(), 1);
        assert!(matches!(&steps[1], Step::Marker(name) if name == "END"));
        let Step::Rule(second) = &steps[2] else {
            panic!()
        };
        assert_eq!(
            second.refused.as_deref(),
            Some("the transformation `md5` is not offered")
        );
        assert_eq!(second.links[0].operator, "rx");
    }
}
