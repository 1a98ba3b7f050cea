//! The text of a rule file, as whoever loads it hands it over. Never reads a disk.

/// One YAML file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFile {
    /// The name that errors and listings show, such as `sql_injection/union-select.yml`.
    pub name: String,
    /// The YAML text: one rule, or several separated by `---`.
    pub text: String,
}

impl RuleFile {
    /// A file longer than this is refused, in bytes.
    pub const MAX_BYTES: usize = 1 << 20;

    /// The name of the folder that the file stands in, if any.
    pub(crate) fn folder(&self) -> Option<&str> {
        let (folders, _) = self.name.rsplit_once('/')?;
        let folder = folders.rsplit('/').next()?;
        (!folder.is_empty()).then_some(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_last_one() {
        for (name, folder) in [
            ("a.yml", None),
            ("xss/a.yml", Some("xss")),
            ("/etc/rules/xss/a.yml", Some("xss")),
            ("/a.yml", None),
        ] {
            let file = RuleFile {
                name: name.to_owned(),
                text: String::new(),
            };
            assert_eq!(file.folder(), folder, "{name}");
        }
    }
}
