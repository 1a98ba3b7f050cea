//! The ending of a name in a path, and whether it is a file's.
//!
//! Owns: the endings that files have. Never holds: which of them a site uses.

/// What files end in that sites serve, that servers run, and that people leave behind.
const FILES: [&str; 121] = [
    "7z", "action", "ashx", "asmx", "asp", "aspx", "atom", "avif", "back", "backup", "bak", "bash",
    "bat", "bmp", "bz2", "cer", "cfg", "cfm", "cgi", "class", "cmd", "com", "conf", "config",
    "crt", "css", "csv", "db", "dist", "dll", "do", "doc", "docx", "dump", "env", "eot", "exe",
    "gif", "gz", "htm", "html", "ico", "inc", "ini", "jar", "java", "jpeg", "jpg", "js", "json",
    "jsp", "jspf", "jspx", "key", "lock", "log", "map", "md", "mdb", "mjs", "mp3", "mp4", "odt",
    "ogg", "old", "orig", "otf", "p12", "pdf", "pem", "pfx", "phar", "php", "php3", "php4", "php5",
    "php7", "phtml", "pl", "png", "ppt", "pptx", "ps1", "py", "rar", "rb", "rss", "save", "sh",
    "shtml", "sql", "sqlite", "svg", "swf", "swo", "swp", "tar", "temp", "tgz", "tmp", "toml",
    "tpl", "ts", "ttf", "txt", "vbs", "war", "wav", "webm", "webp", "woff", "woff2", "xhtml",
    "xls", "xlsx", "xml", "xsl", "xz", "yaml", "yml", "zip",
];

/// The ending of a file name with its point, or nothing.
pub(crate) fn ending(segment: &[u8]) -> &[u8] {
    // Editors leave copies of this name.
    if segment.ends_with(b"~") {
        return b"~";
    }
    let Some(point) = segment.iter().rposition(|byte| *byte == b'.') else {
        return b"";
    };
    let ending = segment.get(point..).unwrap_or_default();
    let letters = ending.get(1..).unwrap_or_default();
    let is_ending = (1..=6).contains(&letters.len())
        && letters.iter().all(u8::is_ascii_alphanumeric)
        && letters.iter().any(u8::is_ascii_alphabetic);
    if is_ending { ending } else { b"" }
}

/// Whether a name ends as files do; others may be those of people (`ann.lee`).
pub(crate) fn is_file(segment: &[u8]) -> bool {
    let ending = ending(segment);
    let letters = ending.get(1..).unwrap_or_default();
    let mut files = FILES.iter();
    ending == b"~" || files.any(|name| name.as_bytes().eq_ignore_ascii_case(letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_no_files() {
        for (segment, expected, of_file) in [
            (&b"ann.lee"[..], &b".lee"[..], false),
            (b"index.PHP", b".PHP", true),
            (b"notes.txt~", b"~", true),
            (b"app.js", b".js", true),
            (b"v1.2", b"", false),
            (b"plain", b"", false),
        ] {
            assert_eq!((ending(segment), is_file(segment)), (expected, of_file));
        }
    }
}
