//! What the fuzz targets share with the compiler's own tests: the promises, the seeds, and mutation by tokens.

#[path = "../../compiler/tests/fuzz/corpus.rs"]
pub mod corpus;
#[path = "../../compiler/tests/fuzz/mutate.rs"]
pub mod mutate;
#[path = "../../compiler/tests/fuzz/promises.rs"]
pub mod promises;

use std::sync::OnceLock;

use mutate::Random;

/// What mutation takes from.
struct Stock {
    seeds: Vec<corpus::Seed>,
    words: Vec<String>,
}

/// libFuzzer's own changes of bytes are one in this many; the others are of tokens.
const BYTES_ONE_IN: usize = 4;

/// A mutation for libFuzzer: `data` holds `size` bytes of a text and has room for more. Gives the new size.
pub fn mutation(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    static STOCK: OnceLock<Stock> = OnceLock::new();
    let stock = STOCK.get_or_init(|| Stock { seeds: corpus::seeds(), words: corpus::words() });
    let mut random = Random::new(u64::from(seed));
    if random.below(BYTES_ONE_IN) == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, most);
    }
    let text = String::from_utf8_lossy(&data[..size]).into_owned();
    let other = &stock.seeds[random.below(stock.seeds.len())].text;
    let text = mutate::mutate(&mut random, &text, other, &stock.words);
    let size = text.len().min(most);
    data[..size].copy_from_slice(&text.as_bytes()[..size]);
    size
}

/// One fuzz target: a promise for every text.
#[macro_export]
macro_rules! target {
    ($promise:path) => {
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutation(data, size, max_size, seed)
        });
        libfuzzer_sys::fuzz_target!(|text: &str| {
            $promise(text);
        });
    };
}
