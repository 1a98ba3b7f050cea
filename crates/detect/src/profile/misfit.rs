//! What does not fit a profile, how bad that is, and what is said of it.

/// What of a request does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    /// A value's kind, characters or length.
    Form,
    /// A value that is none of those known.
    Value,
    /// A parameter that is not known here.
    Name,
    /// A parameter that comes twice.
    Repeated,
    /// A parameter that always came and is missing.
    Missing,
    /// A method that is not known here.
    Method,
    /// A path that is not known.
    Path,
    /// A file name's ending that is not known.
    Ending,
    /// The answer's status.
    Status,
    /// The answer's size.
    Size,
    /// Where the client came from.
    Referrer,
}

impl Aspect {
    /// Whether it says something about the request itself, and not only about what is around it.
    pub(crate) const fn is_of_request(self) -> bool {
        !matches!(self, Self::Status | Self::Size | Self::Referrer)
    }
}

/// Where in the request it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The value of the parameter of that number.
    Value(usize),
    /// The name of the parameter of that number.
    Name(usize),
    /// The path.
    Path,
    /// The method.
    Method,
    /// The status.
    Status,
    /// The size.
    Size,
    /// The referrer.
    Referrer,
    /// Nowhere: it is missing.
    Nowhere,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Misfit {
    /// What.
    pub aspect: Aspect,
    /// Where.
    pub place: Place,
    /// The same for the same thing, wherever it stands: to tell one new parameter on many pages from
    /// many things that somebody tries.
    pub thing: u64,
    /// A change of the page that explains it, if one does: that it takes this parameter, or this value of it.
    pub change: Option<u64>,
    /// How bad on its own, 0.0 to 10.0.
    pub score: f64,
    /// What is said of it.
    pub words: String,
}

impl Misfit {
    /// Whether it is the form of something that people write.
    pub(crate) const fn is_of_writing(&self) -> bool {
        matches!((self.aspect, self.place), (Aspect::Form, Place::Value(_)))
    }

    /// What is odd of a path is one thing, unless it is written with what attacks are written with.
    pub(crate) const PATH: u64 = 1;
    pub(crate) const DANGEROUS_PATH: u64 = 2;
    /// What is around a request.
    pub(crate) const AROUND: u64 = 3;
    /// A parameter that is not there.
    pub(crate) const MISSING: u64 = 4;
    /// Methods, from here on.
    pub(crate) const METHOD: u64 = 16;
}

/// A number with its thousands apart, as people read it.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (41_210, "41,210")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}

/// What does not fit of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueMisfit {
    pub(crate) aspect: Aspect,
    pub(crate) score: f64,
    /// The same for the same value, or for values that are built alike, where that is what does not fit.
    pub(crate) change: Option<u64>,
    /// It is written with what attacks are written with.
    pub(crate) is_dangerous: bool,
    /// It is far longer than others.
    pub(crate) is_long: bool,
    /// What was usual, to end the sentence "parameter `id` was …".
    pub(crate) usual: String,
}
