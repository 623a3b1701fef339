//! Whether texts have the form of an address, a number, an identifier. None of it says that there is such a thing.

use std::net::Ipv6Addr;

use weft_bytecode::op::Native;

/// Longest e-mail address in bytes, and the longest part before its `@` (RFC 5321).
const EMAIL_MAX: usize = 254;
const LOCAL_MAX: usize = 64;

/// Longest host name, and the longest part between its points (RFC 1035).
const HOST_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// Digits of a telephone number: E.164 says how many at most; shorter ones are of no country.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Characters of an IBAN: the shortest are of Norway.
const IBAN_CHARS: std::ops::RangeInclusive<usize> = 15..=34;

pub(super) fn holds(native: Native, text: &str) -> bool {
    match native {
        Native::ValidEmail => email(text),
        Native::ValidUrl => url(text).is_some(),
        Native::ValidUuid => uuid(text),
        Native::ValidPhone => phone(text),
        Native::ValidIban => iban(text),
        _ => luhn(text),
    }
}

/// As browsers do it: <https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address>.
fn email(text: &str) -> bool {
    let sound = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b);
    match text.rsplit_once('@') {
        Some((local, host)) => {
            (1..=LOCAL_MAX).contains(&local.len())
                && text.len() <= EMAIL_MAX
                && local.bytes().all(sound)
                && host_name(host)
        }
        None => false,
    }
}

fn host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= HOST_MAX && host.split('.').all(label)
}

/// The part of RFC 3986 that web addresses use, so nothing that a browser would repair.
fn url(text: &str) -> Option<()> {
    let (scheme, rest) = text.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match place.strip_prefix('[') {
        Some(v6) => {
            let (address, port) = v6.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            (None, port)
        }
        None => {
            let (host, port) = place.split_at(place.find(':').unwrap_or(place.len()));
            (Some(host), port)
        }
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    let fragments = path.matches('#').count() <= 1;
    let sound = web && port && fragments && host.is_none_or(host_name);
    (sound && written(user, b"") && written(path, b"/?#@")).then_some(())
}

/// Whether a part of a URL has only characters that may stand there; others are written as `%XX`.
fn written(part: &str, also: &[u8]) -> bool {
    let bytes = part.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(byte) || also.contains(byte),
    })
}

fn uuid(text: &str) -> bool {
    let hyphen = |at| matches!(at, 8 | 13 | 18 | 23);
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| if hyphen(at) { b == b'-' } else { b.is_ascii_hexdigit() })
}

fn phone(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// ISO 13616: letters count from 10, the first four characters come last, and the number is 1 modulo 97.
fn iban(text: &str) -> bool {
    let chars: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
    let formed = IBAN_CHARS.contains(&chars.len())
        && chars[..2].iter().all(u8::is_ascii_uppercase)
        && chars[2..4].iter().all(u8::is_ascii_digit)
        && chars.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    formed
        && chars[4..].iter().chain(&chars[..4]).fold(0, |rest: u32, byte| match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
        }) == 1
}

/// ISO/IEC 7812: from the right, each second digit counts twice, as the sum of its digits.
fn luhn(text: &str) -> bool {
    let chars: Vec<u8> = text.bytes().filter(|b| !matches!(b, b' ' | b'-')).collect();
    let sum: usize = chars
        .iter()
        .rev()
        .enumerate()
        .map(|(at, byte)| match usize::from(byte.wrapping_sub(b'0')) {
            digit if at % 2 == 0 => digit,
            digit => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    chars.len() > 1 && chars.iter().all(u8::is_ascii_digit) && sum.is_multiple_of(10)
}
