//! Changes programs by their tokens: what comes out is still mostly a program, so that what is wrong with it is found
//! behind the parser, too.

/// Bytes of a text that mutation does not exceed.
pub const TEXT_BYTES_MAX: usize = 16 << 10;
/// Times a piece is repeated at most: deeper than what the compiler allows.
const REPEAT_MAX: usize = 600;

/// A generator of numbers that only its seed decides (SplitMix64).
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// A token with the space before it.
type Piece<'t> = &'t str;

/// Cuts a text into tokens, each with the space before it; together they are the text.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let bytes = text.as_bytes();
    let (mut all, mut start, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\n' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
            }
            // Its parts are tokens of their own, so that holes are changed as well.
            b'"' => at += if text[at..].starts_with("\"\"\"") { 3 } else { 1 },
            b if b.is_ascii_alphanumeric() || b == b'_' => {
                let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
                at += bytes[at..].iter().take_while(|b| word(b)).count();
            }
            _ => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
        all.push(&text[start..at]);
        start = at;
    }
    if start < text.len() {
        all.push(&text[start..]);
    }
    all
}

/// A range of at most `most` pieces.
fn range(random: &mut Random, count: usize, most: usize) -> (usize, usize) {
    let start = random.below(count);
    (start, (start + 1 + random.below(most)).min(count))
}

/// One change of a text. `other` is another program to take from, `words` are the words of the language.
fn once(random: &mut Random, text: &str, other: &str, words: &[String]) -> String {
    let mut all = pieces(text);
    let others = pieces(other);
    if all.is_empty() || others.is_empty() {
        return format!("{text}{other}");
    }
    let count = all.len();
    let word = if words.is_empty() { String::new() } else { format!(" {}", words[random.below(words.len())]) };
    match random.below(13) {
        0 => drop(all.remove(random.below(count))),
        1 => {
            let (start, end) = range(random, count, 24);
            all.drain(start..end);
        }
        2 => {
            let at = random.below(count);
            all.insert(at, all[at]);
        }
        3 => {
            let (a, b) = (random.below(count), random.below(count));
            all.swap(a, b);
        }
        4 => all[random.below(count)] = others[random.below(others.len())],
        5 => all.insert(random.below(count + 1), others[random.below(others.len())]),
        6 => all[random.below(count)] = &word,
        7 => all.insert(random.below(count + 1), &word),
        8 => {
            // A piece of another program in the place of one of this.
            let (start, end) = range(random, count, 12);
            let (from, to) = range(random, others.len(), 48);
            all.splice(start..end, others[from..to].iter().copied());
        }
        9 => {
            // A piece of this program once more, somewhere else.
            let (start, end) = range(random, count, 32);
            let piece = all[start..end].to_vec();
            let at = random.below(count + 1);
            all.splice(at..at, piece);
        }
        10 => {
            let (start, end) = range(random, count, 4);
            let piece = all[start..end].to_vec();
            let times = if random.below(8) == 0 { REPEAT_MAX } else { 8 };
            let piece = piece.repeat(1 + random.below(times));
            all.splice(start..end, piece);
        }
        11 => {
            // A name for another of the same program: what is declared is used where it does not fit.
            let names: Vec<&str> =
                all.iter().copied().filter(|p| p.trim_start().starts_with(char::is_alphabetic)).collect();
            if !names.is_empty() {
                let name = names[random.below(names.len())];
                let at = random.below(count);
                let near = (at..count).chain(0..at).find(|n| all[*n].trim_start().starts_with(char::is_alphabetic));
                all[near.unwrap_or(at)] = name;
            }
        }
        _ => all.truncate(1 + random.below(count)),
    }
    let mut out = all.concat();
    if out.len() > TEXT_BYTES_MAX {
        let mut end = TEXT_BYTES_MAX;
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
    }
    out
}

/// Some changes of a text.
pub fn mutate(random: &mut Random, text: &str, other: &str, words: &[String]) -> String {
    let mut out = once(random, text, other, words);
    while random.below(3) == 0 {
        out = once(random, &out, other, words);
    }
    out
}
