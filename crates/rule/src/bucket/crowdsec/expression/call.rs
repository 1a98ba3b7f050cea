//! The functions in scenarios' expressions that ask something.
//!
//! *Input*: what stands behind their names. *Output*: a [`Filter`], or what it is made of. *Limits*: those
//! of the expression.

use super::super::token::Token;
use super::{Comparison, Filter, How, Reader, Values, shown};

impl Reader {
    /// `evt.SetMeta(…) : false` behind what is asked: what it notes of the event changes nothing here.
    pub(super) fn noted(&mut self) -> Result<(), String> {
        let mut open = 0_u32;
        self.expect("evt.SetMeta")?;
        loop {
            match self.next()? {
                Token::Sign("(") => open += 1,
                Token::Sign(")") => open = open.saturating_sub(1),
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
        self.expect(":")?;
        self.expect("false")
    }

    /// `RegexpInFile(NAME, FILE)`
    pub(super) fn in_file(&mut self) -> Result<Filter, String> {
        self.expect("(")?;
        let name = self.name()?;
        self.expect(",")?;
        let Token::Text(file) = self.next()? else {
            return Err("RegexpInFile needs the name of a file".to_owned());
        };
        self.expect(")")?;
        Ok(Filter::Compared(Comparison {
            any_case: name.any_case,
            name,
            how: How::Matches,
            values: Values::File {
                name: file,
                key: None,
            },
        }))
    }

    /// `hasPrefix(NAME, TEXT)`
    pub(super) fn has(&mut self, how: How) -> Result<Filter, String> {
        self.expect("(")?;
        let name = self.name()?;
        self.expect(",")?;
        let (values, any_case) = self.values(false, None)?;
        self.expect(")")?;
        Ok(Filter::Compared(Comparison {
            any_case: any_case || name.any_case,
            name,
            how,
            values,
        }))
    }

    /// `("text")`
    pub(super) fn bracketed(&mut self) -> Result<String, String> {
        self.expect("(")?;
        let token = self.next()?;
        self.expect(")")?;
        match token {
            Token::Text(text) => Ok(text),
            other => Err(format!("{} is no text", shown(&other))),
        }
    }

    /// `int(NAME) >= NUMBER`
    pub(super) fn number(&mut self) -> Result<Filter, String> {
        self.expect("(")?;
        let name = self.name()?;
        self.expect(")")?;
        let how = match self.next()? {
            Token::Sign("==") => How::Is,
            Token::Sign(">=") => How::AtLeast,
            Token::Sign("<=") => How::AtMost,
            other => {
                return Err(format!("{} of a number is not carried over", shown(&other)));
            }
        };
        let number = match self.next()? {
            Token::Word(number) if number.parse::<u32>().is_ok() => number,
            other => return Err(format!("{} is no number", shown(&other))),
        };
        Ok(Filter::Compared(Comparison {
            any_case: false,
            name,
            how,
            values: Values::Texts(vec![number]),
        }))
    }

    /// `(#, KEY)` of `JsonExtract`.
    pub(super) fn extracted(&mut self) -> Result<String, String> {
        self.expect("(")?;
        self.expect("#")?;
        self.expect(",")?;
        let Token::Text(key) = self.next()? else {
            return Err("JsonExtract needs the name of a text".to_owned());
        };
        self.expect(")")?;
        Ok(key)
    }
}
