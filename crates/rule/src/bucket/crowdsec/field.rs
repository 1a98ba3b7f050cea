//! What the names in scenarios stand for in the logs that are read here.
//!
//! CrowdSec's parsers for web servers and for sshd give events these names; the same values stand
//! under other names here. *Limits*: what those parsers do not set has no place here.

use yaml_serde::{Mapping, Value};

use super::expression::{Comparison, How};

/// The logs of which scenarios can be carried over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    Web,
    Ssh,
}

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Which log it is: known before an event is looked at.
    Service,
    /// What the parser says a message is.
    LogType,
    /// Whether it is a file that pages bring along.
    Static,
    /// A part of the path.
    Part(Part),
    /// How long the query is.
    QueryLength,
    /// A number.
    Status,
    /// A text under this name.
    Field(&'static str),
}

/// A part of a path, as CrowdSec divides it: `/folders/`, `name`, `.ending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The name with its ending.
    File,
    Folders,
    Name,
    Ending,
}

/// The endings of files that pages bring along.
const STATIC: [&str; 25] = [
    ".jpg", ".css", ".js", ".jpeg", ".png", ".svg", ".map", ".ico", ".otf", ".gif", ".mp3", ".mp4",
    ".woff", ".woff2", ".ttf", ".eot", ".webp", ".wav", ".gz", ".brotli", ".bvr", ".ts", ".bmp",
    ".avif", ".mjs",
];

/// What the types of messages are told by.
const MESSAGES: [(&str, &[&str]); 6] = [
    (
        "ssh_failed-auth",
        &[
            "Failed (password|publickey|keyboard-interactive/pam|none) for ",
            "Invalid user ",
            "authentication failure; .*rhost=",
            "Connection (closed|reset) by .* \\[preauth\\]",
            "Disconnected from (authenticating|invalid) user .* \\[preauth\\]",
            "not allowed because not listed in AllowUsers",
            "banner exchange: Connection from .*: invalid format",
            "Magic value check failed",
        ],
    ),
    ("auth_success", &["Accepted (publickey|password) for "]),
    (
        "ssh_bad_keyexchange",
        &["Unable to negotiate with .*: no matching "],
    ),
    ("ssh_auth_timeout", &["Timeout before authentication for "]),
    (
        "ssh_dispatch_fatal",
        &["ssh_dispatch_run_fatal: Connection from "],
    ),
    ("ssh_refused_conn", &["refused connect from"]),
];

/// What a name stands for in a log.
pub(super) fn known(name: &str, log: Log) -> Result<Known, String> {
    let last = name
        .strip_prefix("evt.Meta.")
        .or_else(|| name.strip_prefix("evt.Parsed."));
    let web = |known| (log == Log::Web).then_some(known);
    let known = match last.unwrap_or_default() {
        "service" => Some(Known::Service),
        "log_type" => Some(Known::LogType),
        "source_ip" => Some(Known::Field("source.ip")),
        "user" | "username" | "target_user" | "sshd_invalid_user" | "remote_user" => {
            Some(Known::Field("user.name"))
        }
        "http_status" | "status" => web(Known::Status),
        "static_ressource" => web(Known::Static),
        "file_name" => web(Known::Part(Part::File)),
        "file_dir" => web(Known::Part(Part::Folders)),
        "file_frag" => web(Known::Part(Part::Name)),
        "file_ext" => web(Known::Part(Part::Ending)),
        "http_args_len" => web(Known::QueryLength),
        "http_path" => web(Known::Field("url.original")),
        "request" => web(Known::Field("url.path")),
        "http_args" => web(Known::Field("url.query")),
        "http_verb" | "verb" => web(Known::Field("http.request.method")),
        "http_user_agent" => web(Known::Field("user_agent.original")),
        "http_referer" => web(Known::Field("http.request.referrer")),
        "http_version" => web(Known::Field("http.version")),
        "target_fqdn" => web(Known::Field("url.domain")),
        _ => None,
    };
    known.ok_or_else(|| format!("nothing here stands for `{name}`"))
}

/// What is grouped by or counted under a name; none for what is the
/// same for all events of a log.
pub(super) fn subject(name: &str, log: Log) -> Result<Option<&'static str>, String> {
    // What the other log has is an empty text in this one.
    if log == Log::Ssh && known(name, log).is_err() && known(name, Log::Web).is_ok() {
        return Ok(None);
    }
    Ok(Some(match known(name, log)? {
        Known::Field(field) => field,
        Known::Part(Part::File) => "url.file",
        Known::Status => "http.response.status_code",
        Known::Service => return Ok(None),
        Known::LogType | Known::Static | Known::Part(_) | Known::QueryLength => {
            return Err(format!("`{name}` cannot be grouped by or counted here"));
        }
    }))
}

/// Whether the log is the one that is asked for; none where the message must be looked at.
pub(super) fn is_log(log: Log, known: Known, value: &str) -> Option<bool> {
    match (log, known) {
        (Log::Web, Known::Service) => Some(value == "http"),
        (Log::Web, _) => Some(value == "http_access-log"),
        (Log::Ssh, Known::Service) => Some(value == "ssh"),
        (Log::Ssh, _) if MESSAGES.iter().any(|(name, _)| *name == value) => None,
        (Log::Ssh, _) => Some(false),
    }
}

/// What messages of these types look like, as a selection.
pub(super) fn messages(types: &[String]) -> Value {
    let named = MESSAGES
        .iter()
        .filter(|(name, _)| types.iter().any(|one| one == name));
    let patterns = named.flat_map(|(_, patterns)| patterns.iter().copied());
    asked(
        "event.original|re".to_owned(),
        patterns.map(Value::from).collect(),
    )
}

/// Files that pages bring along, as a selection.
pub(super) fn statics() -> Value {
    asked(
        "url.path.raw|endswith".to_owned(),
        STATIC.map(Value::from).to_vec(),
    )
}

/// Anything of the log, as a selection.
pub(super) fn anything(log: Log) -> Value {
    let name = match log {
        Log::Web => "url.original|exists",
        Log::Ssh => "event.original|exists",
    };
    asked(name.to_owned(), vec![true.into()])
}

/// A comparison of a text, as a selection.
pub(super) fn compared(
    field: &str,
    comparison: &Comparison,
    values: &[String],
) -> Result<Value, String> {
    if comparison.how == How::Is && values.iter().any(|value| value.is_empty() || value == "-") {
        return Ok(asked(format!("{field}|exists"), vec![false.into()]));
    }
    // The scheme of a proxy's request stands only before the path.
    let starts = |value: &String| match comparison.how {
        How::Matches => value.starts_with("^http"),
        How::Starts => value.starts_with("http"),
        _ => false,
    };
    let field = match field {
        "url.path" if values.iter().all(starts) => "url.original",
        // The target is there as received only, its path and its query in every view.
        "url.original" if comparison.name.unescaped => "c-uri",
        field => field,
    };
    let views = if comparison.name.unescaped {
        ""
    } else {
        ".raw"
    };
    let how = match comparison.how {
        How::Is => "",
        How::Contains => "|contains",
        How::Starts => "|startswith",
        How::Ends => "|endswith",
        How::Matches if comparison.any_case => "|re|i",
        How::Matches => "|re",
        How::AtLeast | How::AtMost => {
            return Err(format!("`{field}` is no number"));
        }
    };
    let is_text = comparison.how != How::Matches;
    let case = if is_text && !comparison.any_case {
        "|cased"
    } else {
        ""
    };
    let value = |text: &String| Value::from(if is_text { literal(text) } else { text.clone() });
    let whole = asked(
        format!("{field}{views}{how}{case}"),
        values.iter().map(value).collect(),
    );
    let is_start = field == "c-uri" && comparison.how == How::Starts;
    let mut ways = vec![whole];
    ways.extend(
        values
            .iter()
            .filter_map(|value| value.split_once('?').filter(|_| is_start))
            .map(|(path, query)| parted(path, query, case)),
    );
    Ok(match ways.as_slice() {
        [only] => only.clone(),
        _ => Value::Sequence(ways),
    })
}

/// A target that starts with this path and what stands behind it, as a selection.
fn parted(path: &str, query: &str, case: &str) -> Value {
    let mut selection = Mapping::new();
    for (key, text) in [
        (format!("url.path{case}"), path),
        (format!("url.query|startswith{case}"), query),
    ] {
        selection.insert(key.into(), literal(text).into());
    }
    Value::Mapping(selection)
}

/// A comparison of a part of the path.
pub(super) fn part(
    part: Part,
    comparison: &Comparison,
    values: &[String],
) -> Result<Value, String> {
    let case = if comparison.any_case { "(?i)" } else { "" };
    let pattern = |value: &String| {
        let text = regex_syntax::escape(value);
        Some(match (part, comparison.how) {
            (Part::File, How::Is) => format!("{case}/{text}$"),
            (Part::File, How::Contains) => format!("{case}{text}[^/]*$"),
            (Part::File, How::Starts) => format!("{case}/{text}[^/]*$"),
            (Part::File, How::Ends) => format!("{case}{text}$"),
            (Part::Folders, How::Is) if value.ends_with('/') => format!("{case}^{text}[^/]*$"),
            (Part::Folders, How::Contains) if value.ends_with('/') => format!("{case}{text}"),
            (Part::Folders, How::Contains) => format!("{case}{text}.*/"),
            (Part::Name, How::Is) if value.contains('.') => {
                format!(r"{case}/{text}\.[^./]*$")
            }
            (Part::Name, How::Is) => format!("{case}/{text}(\\.[^./]*)?$"),
            (Part::Ending, How::Is) if value.rfind('.') == Some(0) => format!("{case}[^/]{text}$"),
            _ => return None,
        })
    };
    let patterns: Option<Vec<_>> = values
        .iter()
        .map(|value| pattern(value).map(Value::from))
        .collect();
    let why = "a part of the path is compared in a way that is not carried over";
    Ok(asked("url.path.raw|re".to_owned(), patterns.ok_or(why)?))
}

/// A comparison of the query's length.
pub(super) fn query_length(comparison: &Comparison, values: &[String]) -> Result<Value, String> {
    let why = || "a length is compared in a way that is not carried over".to_owned();
    let [length] = values else {
        return Err(why());
    };
    if comparison.how == How::Is && length.is_empty() {
        // Even that of no query is a number.
        return Ok(asked("url.original|exists".to_owned(), vec![false.into()]));
    }
    let length: u32 = length.parse().map_err(|_| why())?;
    let pattern = match (comparison.how, length) {
        (How::Is, 0) => r"^[^?]*\??$".to_owned(),
        (How::Is, length) => format!(r"^[^?]*\?.{{{length}}}$"),
        (How::AtLeast, 0) => "^".to_owned(),
        (How::AtLeast, length) => format!(r"^[^?]*\?.{{{length},}}$"),
        (How::AtMost, length) => format!(r"^[^?]*(\?.{{0,{length}}})?$"),
        _ => return Err(why()),
    };
    Ok(asked(
        "url.original.raw|re".to_owned(),
        vec![pattern.into()],
    ))
}

/// A comparison of the status.
pub(super) fn status(comparison: &Comparison, values: &[String]) -> Result<Value, String> {
    const NAME: &str = "http.response.status_code";
    let number = |text: &String| {
        text.parse::<u16>()
            .map_err(|_| format!("`{text}` is no status"))
    };
    let numbers = values.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    match (comparison.how, numbers.as_slice()) {
        (How::Is, numbers) => {
            let numbers = numbers.iter().map(|number| Value::from(*number)).collect();
            Ok(asked(NAME.to_owned(), numbers))
        }
        (How::AtLeast, [least]) => Ok(asked(format!("{NAME}|gte"), vec![(*least).into()])),
        (How::AtMost, [most]) => Ok(asked(format!("{NAME}|lte"), vec![(*most).into()])),
        (How::Starts, [first]) if (1..100).contains(first) => {
            let width = if *first < 10 { 100 } else { 10 };
            let mut range = Mapping::new();
            range.insert(format!("{NAME}|gte").into(), (first * width).into());
            range.insert(format!("{NAME}|lt").into(), ((first + 1) * width).into());
            Ok(Value::Mapping(range))
        }
        _ => Err("a status is compared in a way that is not carried over".to_owned()),
    }
}

fn asked(key: String, values: Vec<Value>) -> Value {
    let mut selection = Mapping::new();
    selection.insert(key.into(), Value::Sequence(values));
    Value::Mapping(selection)
}

/// The text, in which `*` and `?` mean themselves.
fn literal(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('*', "\\*")
        .replace('?', "\\?")
}
