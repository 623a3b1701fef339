//! Forms of addresses, numbers and identifiers.

use weft_bytecode::Type;
use weft_bytecode::op::Native;

use super::natives::gives;

#[track_caller]
fn all(native: Native, texts: &[&str], expected: bool) {
    for text in texts {
        let text = serde_json::to_string(text).unwrap();
        gives(native, &[Type::String], Type::Bool, &[&text], if expected { "true" } else { "false" });
    }
}

#[test]
fn addresses() {
    all(Native::ValidEmail, &["ann@example.com", "a.b+c@x-y.example", "o'neil@localhost"], true);
    let long = format!("{}@example.com", "a".repeat(65));
    let wrong =
        ["", "ann", "@example.com", "ann@", "a b@example.com", "ann@-x.com", "ann@x..com", "a@b@c", "ü@x.de", &long];
    all(Native::ValidEmail, &wrong, false);
    let urls = [
        "https://example.com",
        "HTTP://u:p@example.com:8080/a%20b;c?d=e",
        "http://127.0.0.1/#x",
        "http://[::1]:80/?q=/?@:",
    ];
    all(Native::ValidUrl, &urls, true);
    let wrong = [
        "example.com",
        "ftp://example.com",
        "https://",
        "https://exa mple.com",
        "https://example.com/a b",
        "https://example.com/%zz",
        "https://example.com/#a#b",
        "https://example.com:port",
        "https://example.com:65536",
        "https://example.com:+1",
        "https://[::1",
        "https://[::1]x",
        "https://a@b@example.com",
        "https:/example.com",
    ];
    all(Native::ValidUrl, &wrong, false);
}

#[test]
fn numbers_and_identifiers() {
    all(Native::ValidUuid, &["123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"], true);
    all(Native::ValidUuid, &["123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g", ""], false);
    all(Native::ValidPhone, &["+4915112345678", "+6834002"], true);
    all(Native::ValidPhone, &["004915112345678", "+0151123456", "+49 151 1234", "+1234567890123456", "+123456"], false);
    all(Native::ValidIban, &["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "NO9386011117947"], true);
    let wrong = [
        "DE89370400440532013001",
        "de89370400440532013000",
        "DE8937040044",
        "",
        "8989370400440532013000",
        "ÜE89370400440532013000",
    ];
    all(Native::ValidIban, &wrong, false);
    all(Native::ValidLuhn, &["4111 1111 1111 1111", "79927398713", "00"], true);
    all(Native::ValidLuhn, &["4111 1111 1111 1112", "0", "", "7992739871x"], false);
}
