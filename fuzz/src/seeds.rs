//! Writes what libFuzzer begins with: `corpus/TARGET/` with a file for each program of the repository, `words.dict`.

use std::fmt::Write;
use std::path::Path;

use weft_fuzz::{corpus, mutate};

fn main() -> std::io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for target in ["compile", "format", "fix"] {
        let folder = here.join("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        for seed in corpus::seeds().iter().filter(|seed| seed.text.len() <= mutate::TEXT_BYTES_MAX) {
            let name: String = seed.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            std::fs::write(folder.join(name), &seed.text)?;
            count += 1;
        }
    }
    let mut dictionary = String::new();
    for word in corpus::words() {
        let bytes: String = word.bytes().fold(String::new(), |mut out, byte| {
            // Writing to a String cannot fail.
            let _ = match byte {
                b'"' | b'\\' => write!(out, "\\{}", char::from(byte)),
                b' '..=b'~' => write!(out, "{}", char::from(byte)),
                _ => write!(out, "\\x{byte:02X}"),
            };
            out
        });
        let _ = writeln!(dictionary, "\"{bytes}\"");
    }
    std::fs::write(here.join("words.dict"), dictionary)?;
    println!("{count} seeds in {}", here.join("corpus").display());
    Ok(())
}
