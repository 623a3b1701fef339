//! A program as bytes and back. The bytes are what a store keeps and what the hash is taken of.
//!
//! Decoding proves nothing about the program but that it has the right shape: [`crate::verify`] does the rest.

use thiserror::Error;

use crate::program::{Program, ProgramHash};

/// First bytes of every encoded program.
pub const MAGIC: [u8; 4] = *b"WEFT";

/// Version of the encoding that follows the magic, little endian. Another version is refused, never guessed.
pub const FORMAT_VERSION: u16 = 2;

const HEADER_BYTES: usize = 6;

/// Why bytes are no program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The bytes do not begin with [`MAGIC`].
    #[error("these bytes are no compiled Weft program: they do not begin with `WEFT`")]
    Magic,
    /// The bytes are of another format version.
    #[error("this program has format version {found}, this binary reads version {FORMAT_VERSION}; compile it again")]
    Version {
        /// The version in the bytes.
        found: u16,
    },
    /// The bytes end too early, go on too long, or hold what no program holds.
    #[error("the compiled program is damaged: {0}")]
    Damaged(String),
}

/// The program's bytes: magic, format version, postcard. Equal programs have equal bytes.
pub fn encode(program: &Program) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4096);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    postcard::to_extend(program, bytes).expect("postcard can write every type a Program is made of into memory")
}

/// Reads a program.
///
/// # Errors
/// If the bytes are not exactly one program of this format version.
pub fn decode(bytes: &[u8]) -> Result<Program, CodecError> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES).ok_or(CodecError::Magic)?;
    if header[..4] != MAGIC {
        return Err(CodecError::Magic);
    }
    let found = u16::from_le_bytes([header[4], header[5]]);
    if found != FORMAT_VERSION {
        return Err(CodecError::Version { found });
    }
    let (program, rest) =
        postcard::take_from_bytes::<Program>(body).map_err(|error| CodecError::Damaged(error.to_string()))?;
    if !rest.is_empty() {
        return Err(CodecError::Damaged(format!("{} bytes follow its end", rest.len())));
    }
    Ok(program)
}

/// The hash of an encoded program.
pub fn hash(bytes: &[u8]) -> ProgramHash {
    ProgramHash(*blake3::hash(bytes).as_bytes())
}

/// The hash of a program: that of its bytes.
pub fn hash_program(program: &Program) -> ProgramHash {
    hash(&encode(program))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Instr, Op};
    use crate::program::{Constant, Function};
    use crate::types::builtin;

    fn program() -> Program {
        Program {
            edition: "2026".into(),
            project: "codec".into(),
            types: builtin::all(),
            constants: vec![Constant::String("é\0".into()), Constant::Scalar(u64::MAX), Constant::Bytes(vec![0, 255])],
            functions: vec![Function {
                name: "f".into(),
                params: 0,
                result: builtin::UNIT,
                regs: vec![builtin::UNIT],
                code: vec![Instr::wide(Op::LoadInt, 0, u32::MAX), Instr::abc(Op::Return, 0, 0xffff, 0xffff)],
                sites: vec![],
                handlers: vec![],
            }],
            activities: vec![],
            workflows: vec![],
            patches: vec![],
            schedules: vec![],
            sources: vec![],
        }
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let bytes = encode(&program());
        assert_eq!(decode(&bytes), Ok(program()));
        assert_eq!(hash(&bytes), hash_program(&program()));
    }

    #[test]
    fn another_program_has_another_hash() {
        let other = Program { project: "other".into(), ..program() };
        assert_ne!(hash_program(&other), hash_program(&program()));
    }

    #[test]
    fn foreign_bytes_are_refused() {
        assert_eq!(decode(b""), Err(CodecError::Magic));
        assert_eq!(decode(b"ELF\x7f\x01\x00rest"), Err(CodecError::Magic));
        let mut newer = encode(&program());
        newer[4] = 9;
        assert_eq!(decode(&newer), Err(CodecError::Version { found: 9 }));
    }

    #[test]
    fn every_cut_and_every_extra_byte_is_noticed() {
        let bytes = encode(&program());
        for end in HEADER_BYTES..bytes.len() {
            assert!(matches!(decode(&bytes[..end]), Err(CodecError::Damaged(_))), "cut at {end}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(decode(&longer), Err(CodecError::Damaged(_))));
    }
}
