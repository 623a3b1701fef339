//! Hashes, and texts as other alphabets write them. A text is its bytes in UTF-8.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256, Sha512};
use weft_bytecode::op::Native;

use super::Call;
use crate::limits::Fault;

/// A hash works so many times longer on a byte than a look at it takes.
const HASH_COST: usize = 16;

/// A byte becomes at most three characters.
const WIDEST: usize = 3;

/// What a URL does not carry as it is: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn call(call: &mut Call<'_>, native: Native) -> Result<u64, Fault> {
    use Native::*;
    let bytes = call.text(0).len();
    match native {
        HashSha256 | HashSha512 => call.heap.charge(bytes.saturating_mul(HASH_COST)),
        HashHmacSha256 => {
            let both = bytes.saturating_add(call.text(1).len());
            call.heap.charge(both.saturating_mul(HASH_COST));
        }
        _ => {
            call.heap.expect_room(bytes.saturating_mul(WIDEST))?;
            call.heap.charge(bytes.saturating_mul(WIDEST));
        }
    }
    let text = call.text(0);
    let decoded = match native {
        DecodeBase64 => BASE64_STANDARD.decode(text).ok(),
        DecodeBase64Url => BASE64_URL_SAFE_NO_PAD.decode(text).ok(),
        DecodeHex => from_hex(text),
        DecodeUrl => from_url(text),
        _ => {
            let made = made(native, text, call);
            return call.new_text(&made);
        }
    };
    match decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => {
            let text = call.new_text(&text)?;
            call.optional(Some(text))
        }
        None => Ok(0),
    }
}

fn made(native: Native, text: &str, call: &Call<'_>) -> String {
    match native {
        Native::HashSha256 => hex(&Sha256::digest(text)),
        Native::HashSha512 => hex(&Sha512::digest(text)),
        Native::HashHmacSha256 => {
            let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(text.as_bytes())
                .expect("a key of HMAC may have any length");
            mac.update(call.text(1).as_bytes());
            hex(&mac.finalize().into_bytes())
        }
        Native::EncodeBase64 => BASE64_STANDARD.encode(text),
        Native::EncodeBase64Url => BASE64_URL_SAFE_NO_PAD.encode(text),
        Native::EncodeHex => hex(text.as_bytes()),
        _ => utf8_percent_encode(text, RESERVED).to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(out, "{byte:02x}").expect("writing to a String succeeds");
    }
    out
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// A percent sign that no two digits follow is a mistake.
fn from_url(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let whole = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    let sound = bytes.iter().enumerate().all(|(at, byte)| *byte != b'%' || whole(at));
    sound.then(|| percent_decode_str(text).collect())
}
