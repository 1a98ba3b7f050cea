//! Lines: one address or network each, or one row of a CSV file each.

use super::{AddressFile, Column, ListEntry, ListFormat, Problem, network};

/// A longer line is no entry of a list.
const MAX_LINE_BYTES: usize = 4_096;
/// So much of a label is kept, in bytes.
const MAX_LABEL_BYTES: usize = 200;
/// So much of a line that is not understood is told, in bytes.
const SHOWN_BYTES: usize = 60;

pub(super) fn read(
    bytes: &[u8],
    format: &ListFormat,
    file: &mut AddressFile,
) -> Result<(), Problem> {
    let mut header = Header::of(format);
    for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let number = place + 1;
        if line.len() > MAX_LINE_BYTES {
            file.push_bad(number, format!("it is longer than {MAX_LINE_BYTES} bytes"));
            continue;
        }
        let text = String::from_utf8_lossy(line);
        let entry = match &mut header {
            Some(header) => match header.row(text.trim_end_matches('\r'), format) {
                Row::Nothing => continue,
                Row::Entry(entry) => entry,
            },
            None => plain(text.trim()),
        };
        match entry {
            None => {}
            Some(Ok(entry)) => file.push(entry)?,
            Some(Err(reason)) => file.push_bad(number, reason),
        }
    }
    match header {
        Some(Header {
            columns: None,
            wanted,
            ..
        }) => Err(Problem::NoColumn(wanted)),
        _ => Ok(()),
    }
}

/// What a line is: nothing, an entry, or why it is none.
type Parsed = Option<Result<ListEntry, String>>;

/// A line of a plain list.
fn plain(line: &str) -> Parsed {
    let (entry, comment) = match line.find(['#', ';']) {
        Some(start) => line.split_at(start),
        None => (line, ""),
    };
    let entry = entry.trim();
    if entry.is_empty() {
        return None;
    }
    let comment = comment.trim_start_matches(['#', ';']);
    Some(listed(entry).map(|network| ListEntry {
        network,
        score: None,
        label: label(comment),
    }))
}

fn listed(text: &str) -> Result<ipnet::IpNet, String> {
    network(text).ok_or_else(|| format!("`{}` is no address or network", shown(text)))
}

fn label(text: &str) -> Option<Box<str>> {
    let text = vigil_event::text::truncated(text.trim(), MAX_LABEL_BYTES);
    (!text.is_empty()).then(|| text.into())
}

/// Files come from elsewhere, and what is told of them ends up in terminals.
fn shown(text: &str) -> String {
    vigil_event::text::visible(vigil_event::text::truncated(text, SHOWN_BYTES))
}

/// Where the columns are, from 0.
#[derive(Clone, Copy)]
struct Columns {
    network: usize,
    score: Option<usize>,
    label: Option<usize>,
}

/// What the rows of a CSV file are understood by.
struct Header {
    /// None until the line that names them was found.
    columns: Option<Columns>,
    /// No row was seen yet: with numbered columns the first may be one of names.
    is_first: bool,
    wanted: String,
}

enum Row {
    Nothing,
    Entry(Parsed),
}

impl Header {
    fn of(format: &ListFormat) -> Option<Self> {
        let column = format.column.as_ref()?;
        let wanted = match column {
            Column::Named(name) => name.clone(),
            Column::Numbered(place) => place.to_string(),
        };
        Some(Self {
            columns: columns(format, None),
            is_first: true,
            wanted,
        })
    }

    fn row(&mut self, line: &str, format: &ListFormat) -> Row {
        let is_comment = line.trim_start().starts_with('#');
        let Some(columns) = self.columns else {
            // Some publishers write the names into a comment.
            let names = fields(line.trim_start().trim_start_matches('#'), format.separator);
            self.columns = columns(format, Some(&names));
            return Row::Nothing;
        };
        if is_comment || line.trim().is_empty() {
            return Row::Nothing;
        }
        let first = std::mem::take(&mut self.is_first);
        let fields = fields(line, format.separator);
        let entry = entry(&fields, columns, format);
        let is_numbered = matches!(format.column, Some(Column::Numbered(_)));
        if first && is_numbered && entry.is_err() {
            return Row::Nothing;
        }
        Row::Entry(Some(entry))
    }
}

/// Where the columns are; none while a name among them is not known.
fn columns(format: &ListFormat, names: Option<&[String]>) -> Option<Columns> {
    let place = |column: &Column| match column {
        Column::Numbered(place) => place.checked_sub(1),
        Column::Named(name) => names?
            .iter()
            .position(|one| one.trim().eq_ignore_ascii_case(name)),
    };
    let optional = |column: &Option<Column>| match column {
        None => Some(None),
        Some(column) => place(column).map(Some),
    };
    Some(Columns {
        network: place(format.column.as_ref()?)?,
        score: optional(&format.score_column)?,
        label: optional(&format.label_column)?,
    })
}

fn entry(fields: &[String], columns: Columns, format: &ListFormat) -> Result<ListEntry, String> {
    let field = |place: usize| fields.get(place).map_or("", |text| text.trim());
    let network = listed(field(columns.network))?;
    let score = match columns.score.map(field) {
        None | Some("") => None,
        Some(text) => {
            let number: f64 = text
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite() && *number >= 0.0)
                .ok_or_else(|| format!("`{}` is no score", shown(text)))?;
            Some((number / format.worst_score * 10.0).clamp(0.0, 10.0))
        }
    };
    Ok(ListEntry {
        network,
        score,
        label: columns.label.map(field).and_then(label),
    })
}

/// The fields of a line as RFC 4180 has them, without line breaks within quotes.
fn fields(line: &str, separator: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(one) = characters.next() {
        let Some(field) = fields.last_mut() else {
            break;
        };
        match one {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted || field.trim().is_empty() => {
                quoted = !quoted;
                if quoted {
                    field.clear();
                }
            }
            one if one == separator && !quoted => fields.push(String::new()),
            one => field.push(one),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_quoted() {
        for (line, wanted) in [
            ("a,b", vec!["a", "b"]),
            ("", vec![""]),
            ("\"a,b\", \"c \"\"d\"\"\" ,e", vec!["a,b", "c \"d\" ", "e"]),
            ("a\"b,c", vec!["a\"b", "c"]),
            ("\"open,", vec!["open,"]),
        ] {
            assert_eq!(fields(line, ','), wanted, "{line}");
        }
        assert_eq!(fields("a\tb", '\t'), ["a", "b"]);
    }

    #[test]
    fn a_network_is_without_the_bits_of_a_host() {
        for (line, wanted) in [
            ("203.0.113.9/24", "203.0.113.0/24"),
            ("2001:db8::/3", "2000::/3"),
            ("203.0.113.9", "203.0.113.9/32"),
        ] {
            let entry = plain(line).unwrap().unwrap();
            assert_eq!(entry.network.to_string(), wanted, "{line}");
        }
    }
}
