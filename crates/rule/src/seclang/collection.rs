//! The collections of SecLang's variables, by their names.
//!
//! Owns: which there are, which of them logs can hold. Never holds: values.

/// What SecLang knows values by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Collection {
    Args,
    ArgsNames,
    ArgsGet,
    ArgsGetNames,
    ArgsPost,
    ArgsPostNames,
    ArgsCombinedSize,
    Files,
    FilesNames,
    FilesCombinedSize,
    MultipartPartHeaders,
    RequestHeaders,
    RequestHeadersNames,
    RequestCookies,
    RequestCookiesNames,
    RequestMethod,
    RequestProtocol,
    RequestLine,
    RequestUri,
    RequestUriRaw,
    RequestFilename,
    RequestBasename,
    QueryString,
    RequestBody,
    RequestBodyLength,
    ReqbodyProcessor,
    ReqbodyError,
    RemoteAddr,
    Xml,
    Tx,
    MatchedVar,
    MatchedVarName,
    MatchedVars,
    MatchedVarsNames,
}

impl Collection {
    pub(super) const COUNT: usize = Self::MatchedVarsNames as usize + 1;

    const NAMES: [(&'static str, Self); Self::COUNT] = [
        ("ARGS", Self::Args),
        ("ARGS_NAMES", Self::ArgsNames),
        ("ARGS_GET", Self::ArgsGet),
        ("ARGS_GET_NAMES", Self::ArgsGetNames),
        ("ARGS_POST", Self::ArgsPost),
        ("ARGS_POST_NAMES", Self::ArgsPostNames),
        ("ARGS_COMBINED_SIZE", Self::ArgsCombinedSize),
        ("FILES", Self::Files),
        ("FILES_NAMES", Self::FilesNames),
        ("FILES_COMBINED_SIZE", Self::FilesCombinedSize),
        ("MULTIPART_PART_HEADERS", Self::MultipartPartHeaders),
        ("REQUEST_HEADERS", Self::RequestHeaders),
        ("REQUEST_HEADERS_NAMES", Self::RequestHeadersNames),
        ("REQUEST_COOKIES", Self::RequestCookies),
        ("REQUEST_COOKIES_NAMES", Self::RequestCookiesNames),
        ("REQUEST_METHOD", Self::RequestMethod),
        ("REQUEST_PROTOCOL", Self::RequestProtocol),
        ("REQUEST_LINE", Self::RequestLine),
        ("REQUEST_URI", Self::RequestUri),
        ("REQUEST_URI_RAW", Self::RequestUriRaw),
        ("REQUEST_FILENAME", Self::RequestFilename),
        ("REQUEST_BASENAME", Self::RequestBasename),
        ("QUERY_STRING", Self::QueryString),
        ("REQUEST_BODY", Self::RequestBody),
        ("REQUEST_BODY_LENGTH", Self::RequestBodyLength),
        ("REQBODY_PROCESSOR", Self::ReqbodyProcessor),
        ("REQBODY_ERROR", Self::ReqbodyError),
        ("REMOTE_ADDR", Self::RemoteAddr),
        ("XML", Self::Xml),
        ("TX", Self::Tx),
        ("MATCHED_VAR", Self::MatchedVar),
        ("MATCHED_VAR_NAME", Self::MatchedVarName),
        ("MATCHED_VARS", Self::MatchedVars),
        ("MATCHED_VARS_NAMES", Self::MatchedVarsNames),
    ];

    pub(super) fn of_name(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(own, _)| *own == name);
        found.map(|(_, collection)| *collection)
    }

    pub(super) fn name(self) -> &'static str {
        Self::NAMES.get(self as usize).map_or("", |(name, _)| name)
    }

    /// The collection of whose values its own are parts.
    pub(super) const fn part_of(self) -> Option<Self> {
        match self {
            Self::ArgsCombinedSize => Some(Self::Args),
            Self::RequestHeadersNames | Self::RequestCookies | Self::RequestCookiesNames => {
                Some(Self::RequestHeaders)
            }
            _ => None,
        }
    }

    /// Whether its values are names of other values, and so their own names.
    pub(super) const fn is_of_names(self) -> bool {
        matches!(
            self,
            Self::ArgsNames
                | Self::ArgsGetNames
                | Self::ArgsPostNames
                | Self::FilesNames
                | Self::RequestHeadersNames
                | Self::RequestCookiesNames
        )
    }

    /// Whether its values are of the request, and not what rules made.
    pub(super) const fn is_of_request(self) -> bool {
        !matches!(
            self,
            Self::Tx
                | Self::MatchedVar
                | Self::MatchedVarName
                | Self::MatchedVars
                | Self::MatchedVarsNames
        )
    }

    /// Whether an access log can hold something of it.
    pub(super) const fn is_in_logs(self) -> bool {
        !matches!(
            self,
            Self::ArgsPost
                | Self::ArgsPostNames
                | Self::Files
                | Self::FilesNames
                | Self::FilesCombinedSize
                | Self::MultipartPartHeaders
                | Self::RequestBody
                | Self::RequestBodyLength
                | Self::ReqbodyProcessor
                | Self::ReqbodyError
                | Self::Xml
        )
    }

    /// Why rules that ask for a variable which is none of ours cannot be had.
    pub(super) fn why_not(name: &str) -> String {
        match name {
            "GEO" => "places are Vigil's own business (`enrich`)".to_owned(),
            "IP" | "GLOBAL" | "SESSION" | "USER" | "RESOURCE" => {
                "it keeps state in a stored collection; Vigil's windows and correlations do that"
                    .to_owned()
            }
            _ if name.starts_with("RESPONSE") => "it looks at responses".to_owned(),
            "DURATION" | "UNIQUE_ID" => {
                format!("`{name}` is of the firewall's own run, not of the request")
            }
            _ => format!("the variable `{name}` is not offered"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_have_their_names() {
        for (place, (name, collection)) in Collection::NAMES.iter().enumerate() {
            assert_eq!(*collection as usize, place);
            assert_eq!(Collection::of_name(name), Some(*collection));
        }
    }
}
