//! A value on its way through the log: JSON bytes behind one format byte, so that another
//! format can come without reading old logs wrongly.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Canonical JSON of a value. History, `show` and the API pass it on without knowing its type.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(#[serde(with = "shared_bytes")] Arc<[u8]>);

/// The format byte of plain JSON.
pub const FORMAT_JSON: u8 = 0;

/// The format byte of a reference: the value is kept beside the log, under the hash that follows. Only what is stored has
/// references; whoever reads a history gets the values.
pub const FORMAT_REFERENCE: u8 = 1;

impl Payload {
    /// A reference to a value that is kept elsewhere under the BLAKE3 hash of its stored bytes.
    pub fn reference(hash: [u8; 32]) -> Payload {
        let mut bytes = Vec::with_capacity(33);
        bytes.push(FORMAT_REFERENCE);
        bytes.extend_from_slice(&hash);
        Payload(bytes.into())
    }

    /// The hash of a reference.
    pub fn referred(&self) -> Option<[u8; 32]> {
        match self.0.split_first() {
            Some((&FORMAT_REFERENCE, hash)) => hash.try_into().ok(),
            _ => None,
        }
    }

    /// Wraps canonical JSON text.
    pub fn json(text: &str) -> Payload {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.push(FORMAT_JSON);
        bytes.extend_from_slice(text.as_bytes());
        Payload(bytes.into())
    }

    /// `null`: `Unit` and `none`.
    pub fn null() -> Payload {
        Payload::json("null")
    }

    /// The payload of bytes that [`Payload::stored`] gave.
    pub fn from_stored(bytes: &[u8]) -> Payload {
        Payload(bytes.into())
    }

    /// The stored bytes, format byte included.
    pub fn stored(&self) -> &[u8] {
        &self.0
    }

    /// The JSON text. `None` if the format is not JSON or the bytes are not UTF-8.
    pub fn text(&self) -> Option<&str> {
        match self.0.split_first() {
            Some((&FORMAT_JSON, text)) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// The parsed JSON; `null` if it cannot be read.
    pub fn value(&self) -> serde_json::Value {
        self.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(serde_json::Value::Null)
    }

    /// Size in bytes as stored.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes at all, which no constructor makes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&serde_json::Value> for Payload {
    fn from(value: &serde_json::Value) -> Payload {
        Payload::json(&value.to_string())
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text().unwrap_or("<not JSON>"))
    }
}

mod shared_bytes {
    use std::sync::Arc;

    use serde::de::{Error, Visitor};

    pub(super) fn serialize<S: serde::Serializer>(bytes: &Arc<[u8]>, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Arc<[u8]>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Arc<[u8]>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Arc<[u8]>, E> {
                Ok(bytes.into())
            }
            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Arc<[u8]>, E> {
                Ok(bytes.into())
            }
        }
        from.deserialize_bytes(Bytes)
    }
}
