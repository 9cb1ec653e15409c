//! Lines of a ledger's file, each in one form only.

use std::io::BufRead;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::AuditError;

/// What every transaction begins with.
const NUMBER: &[u8] = b"{\"number\":";

/// Lines, read one by one. Memory: the longest of them.
pub(super) struct Lines<R> {
    from: R,
    line: Vec<u8>,
    nth: u64,
}

impl<R: BufRead> Lines<R> {
    pub fn new(from: R) -> Lines<R> {
        Lines { from, line: Vec::new(), nth: 0 }
    }

    /// The next line without its end; nothing at the end of the file.
    pub fn next(&mut self) -> Result<Option<&[u8]>, AuditError> {
        self.line.clear();
        self.nth += 1;
        if self.from.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        match self.line.split_last() {
            Some((b'\n', line)) => Ok(Some(line)),
            _ => Err(malformed(self.nth, "the file ends within this line")),
        }
    }
}

/// A line that is none.
pub(super) fn malformed(line: u64, what: &str) -> AuditError {
    AuditError::Malformed { line, column: 1, near: None, what: what.into() }
}

/// Reads a line, and sees that it is written as this tool writes it.
pub(super) fn parse<T: Serialize + DeserializeOwned>(line: u64, bytes: &[u8]) -> Result<T, AuditError> {
    let at = |column: usize, what: String| {
        let near = number_before(&bytes[..column.min(bytes.len())]);
        AuditError::Malformed { line, column, near, what }
    };
    let value: T = serde_json::from_slice(bytes).map_err(|error| at(error.column(), error.to_string()))?;
    let canonical = serde_json::to_vec(&value).expect("a line is plain data");
    if canonical == bytes {
        return Ok(value);
    }
    let same = canonical.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    Err(at(same + 1, "not written as this tool writes it".into()))
}

/// The number of the last transaction that begins in `bytes`.
fn number_before(bytes: &[u8]) -> Option<u64> {
    let begins = bytes.windows(NUMBER.len()).rposition(|window| window == NUMBER)? + NUMBER.len();
    let digits: Vec<u8> = bytes[begins..].iter().copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).ok()?.parse().ok()
}
