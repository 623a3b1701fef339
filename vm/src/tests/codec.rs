//! Natives that lay out, hash and encode texts.

use weft_bytecode::Type;
use weft_bytecode::op::Native;
use weft_bytecode::types::builtin::{INT, STRING};

use super::natives::{gives, trap};
use crate::step::TrapKind;
use Type::{Bool, Decimal, Int, String as S};

#[test]
fn laid_out() {
    gives(Native::StringPadStart, &[S, Int, S], S, &["\"ü\"", "4", "\"ab\""], "\"abaü\"");
    gives(Native::StringPadEnd, &[S, Int, S], S, &["\"abc\"", "-1", "\"x\""], "\"abc\"");
    gives(Native::StringRepeat, &[S, Int], S, &["\"ab\"", "2"], "\"abab\"");
    gives(Native::StringRepeat, &[S, Int], S, &["\"\"", "9223372036854775807"], "\"\"");
    gives(Native::StringIndexOf, &[S, S], Type::Option(INT), &["\"grün\"", "\"n\""], "3");
    gives(Native::StringTrimStart, &[S], S, &["\" a \""], "\"a \"");
    gives(Native::StringTrimEnd, &[S], S, &["\" a \""], "\" a\"");
    gives(Native::StringIsBlank, &[S], Bool, &["\" \""], "true");
    let decimal = |value: &str, places: &str, expected: &str| {
        gives(Native::DecimalFormat, &[Decimal, Int, S, S], S, &[value, places, "\"'\"", "\",\""], expected);
    };
    decimal("\"-0.001\"", "2", "\"0,00\"");
    decimal("\"12\"", "28", &format!("\"12,{}\"", "0".repeat(28)));
    decimal("\"-123456.5\"", "1", "\"-123'456,5\"");
    decimal("\"1234567\"", "0", "\"1'234'567\"");
    gives(Native::IntFormat, &[Int, S], S, &["-9223372036854775808", "\".\""], "\"-9.223.372.036.854.775.808\"");
    gives(Native::IntFormat, &[Int, S], S, &["-123", "\".\""], "\"-123\"");
}

#[test]
fn encoded() {
    let text = |native, from: &str, expected: &str| gives(native, &[S], S, &[from], expected);
    text(Native::EncodeBase64, "\"grün\"", "\"Z3LDvG4=\"");
    text(Native::EncodeBase64Url, "\"grün\"", "\"Z3LDvG4\"");
    text(Native::EncodeHex, "\"ü\"", "\"c3bc\"");
    text(Native::EncodeUrl, "\"a-b ü\"", "\"a-b%20%C3%BC\"");
    let back = |native, from: &str, expected: &str| gives(native, &[S], Type::Option(STRING), &[from], expected);
    back(Native::DecodeBase64, "\"Z3LDvG4=\"", "\"grün\"");
    back(Native::DecodeBase64, "\"/w==\"", "null");
    back(Native::DecodeBase64Url, "\"Z3LDvG4\"", "\"grün\"");
    back(Native::DecodeHex, "\"c3BC\"", "\"ü\"");
    back(Native::DecodeHex, "\"c3b\"", "null");
    back(Native::DecodeHex, "\"ü\"", "null");
    back(Native::DecodeUrl, "\"a+%C3%BC\"", "\"a+ü\"");
    back(Native::DecodeUrl, "\"%ff\"", "null");
    back(Native::DecodeUrl, "\"%f\"", "null");
    let sha256 = "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"";
    text(Native::HashSha256, "\"abc\"", sha256);
    let empty = "\"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                 47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e\"";
    text(Native::HashSha512, "\"\"", empty);
    let args = &["\"key\"", "\"The quick brown fox jumps over the lazy dog\""];
    let mac = "\"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8\"";
    gives(Native::HashHmacSha256, &[S, S], S, args, mac);
}

#[test]
fn what_cannot_be_laid_out() {
    let traps = |native, params: &[Type], args: &[&str], kind| assert_eq!(trap(native, params, S, args), kind);
    traps(Native::StringPadStart, &[S, Int, S], &["\"a\"", "4", "\"\""], TrapKind::Index);
    traps(Native::StringRepeat, &[S, Int], &["\"a\"", "-1"], TrapKind::Index);
    let decimal = [Decimal, Int, S, S];
    traps(Native::DecimalFormat, &decimal, &["\"1\"", "29", "\"\"", "\".\""], TrapKind::Index);
    let huge = "9223372036854775807";
    traps(Native::StringRepeat, &[S, Int], &["\"ab\"", huge], TrapKind::Memory);
    traps(Native::StringPadEnd, &[S, Int, S], &["\"a\"", huge, "\"x\""], TrapKind::Memory);
}
