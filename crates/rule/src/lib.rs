//! The rule language: text to checked rule to compiled matcher for one event
