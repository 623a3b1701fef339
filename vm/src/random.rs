//! Random streams: one per fiber, a function of the run's seed, the fiber's path and how often it has drawn. Nothing
//! is recorded, and a draw in one fiber does not shift another's.

use weft_protocol::command::FiberPath;

/// The 32 bytes of one draw.
pub(crate) fn draw(seed: &[u8; 16], path: &FiberPath, count: u64) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(seed);
    let mut hasher = blake3::Hasher::new_keyed(&key);
    for part in &path.0 {
        hasher.update(&part.to_le_bytes());
    }
    // The counter comes last and has a fixed width, so no path and counter read like another pair.
    hasher.update(&count.to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// A version 4 UUID.
pub(crate) fn uuid(draw: &[u8; 32]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&draw[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = u128::from_be_bytes(bytes);
    let text = format!("{hex:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

/// A float in `[0, 1)` from the upper 53 bits of eight bytes.
pub(crate) fn unit(draw: &[u8; 32]) -> f64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&draw[..8]);
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_apart_and_stay() {
        let seed = [7; 16];
        let main = FiberPath::default();
        assert_eq!(draw(&seed, &main, 1), draw(&seed, &main, 1));
        assert_ne!(draw(&seed, &main, 1), draw(&seed, &main, 2));
        assert_ne!(draw(&seed, &main, 1), draw(&seed, &main.child(1), 1));
        assert_ne!(draw(&seed, &main, 1), draw(&[8; 16], &main, 1));
    }

    #[test]
    fn a_uuid_says_its_version() {
        let text = uuid(&[0xff; 32]);
        assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn a_unit_is_below_one() {
        assert_eq!(unit(&[0; 32]), 0.0);
        assert!(unit(&[0xff; 32]) < 1.0);
    }
}
