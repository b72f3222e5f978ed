//! Page tokens of lists that are not made here: events in the order of a feed, what is met in memory, runs that move.
//!
//! As opaque as the others, and bound to the words that say which list it is: a token of other arguments is refused, not
//! read as a place in this list. Short: base64url of a digest of those words, a checksum, and the place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::ListError;

/// Bytes of the digest, and of the checksum behind it.
const DIGEST: usize = 12;
const CHECK: usize = 4;
/// The longest token that is read.
const MAX_LENGTH: usize = 1_024;

/// Which list a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond([u8; DIGEST]);

impl Bond {
    /// A list by its name and by the arguments that say what is in it, in which order.
    #[must_use]
    pub fn of(words: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for word in words {
            hash.update((word.len() as u64).to_be_bytes());
            hash.update(word);
        }
        let mut digest = [0; DIGEST];
        digest.copy_from_slice(&hash.finalize()[..DIGEST]);
        Self(digest)
    }

    /// The token of a place in the list.
    #[must_use]
    pub fn seal(&self, place: &str) -> String {
        let check = check(&self.0, place.as_bytes());
        URL_SAFE_NO_PAD.encode([&self.0[..], &check[..], place.as_bytes()].concat())
    }

    /// The place that a token of this list says.
    ///
    /// # Errors
    /// [`ListError::PageToken`] for what is none of ours, and for a token of another list.
    pub fn open(&self, token: &str) -> Result<String, ListError> {
        let refuse = |why: &str| ListError::PageToken(format!("{why}; ask again without page_token"));
        let damaged = || refuse("this is not a token of ours, or not all of it");
        if token.len() > MAX_LENGTH {
            return Err(refuse("this is longer than any token"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| damaged())?;
        let (bond, rest) = bytes.split_first_chunk::<DIGEST>().ok_or_else(damaged)?;
        let (sum, place) = rest.split_first_chunk::<CHECK>().ok_or_else(damaged)?;
        if *sum != check(bond, place) {
            return Err(damaged());
        }
        if *bond != self.0 {
            return Err(refuse("this token belongs to a list with other arguments"));
        }
        String::from_utf8(place.to_vec()).map_err(|_| damaged())
    }
}

fn check(bond: &[u8; DIGEST], place: &[u8]) -> [u8; CHECK] {
    let mut hash = Sha256::new();
    hash.update(bond);
    hash.update(place);
    let mut check = [0; CHECK];
    check.copy_from_slice(&hash.finalize()[..CHECK]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Platform, item 2: a token is read by its own list alone, and however it is damaged it is refused.
    #[test]
    fn a_token_is_read_by_its_own_list_alone() {
        let (bond, other) = (Bond::of(&["runs", "a", "b"]), Bond::of(&["runs", "ab", ""]));
        let token = bond.seal("01890000-0000-7000-8000-00000000000a");
        assert!(token.len() <= 100, "it fits into every field for it: {token}");
        assert_eq!(bond.open(&token).ok().as_deref(), Some("01890000-0000-7000-8000-00000000000a"));
        assert!(other.open(&token).is_err_and(|refused| refused.problem().contains("other arguments")));
        for end in 0..token.len() {
            assert!(bond.open(&token[..end]).is_err(), "{end} characters of it");
        }
        for damaged in ["7", "next", "01890000-0000-7000-8000-00000000000a", &token.repeat(30)] {
            assert!(bond.open(damaged).is_err(), "{damaged}");
        }
    }
}
