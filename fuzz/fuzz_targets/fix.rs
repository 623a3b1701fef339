//! `fixes` of the promises, under libFuzzer.

#![no_main]

weft_fuzz::target!(weft_fuzz::promises::fixes);
