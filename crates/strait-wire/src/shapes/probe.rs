//! Asks a type that is read through serde what it reads, one level at a time: it is given one field after the other, and
//! what it asks for there is the answer.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What a type asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Asked {
    /// A structure with these fields.
    #[error("fields {0:?}")]
    Fields(&'static [&'static str]),
    /// A list.
    #[error("a list")]
    List,
    /// A value.
    #[error("a value")]
    Value,
    /// Anything: it only wants to know that it was given.
    #[error("anything")]
    Anything,
    /// Nothing: it has no such field.
    #[error("no field {0}")]
    Unknown(String),
    /// Something else went wrong.
    #[error("{0}")]
    Other(String),
}

impl Error for Asked {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown(field.to_owned())
    }
}

/// Leads to the field at this path; a `1` is the member of a list. What is there ends the reading, as an error.
#[derive(Clone, Copy)]
pub(super) struct Probe<'p>(pub(super) &'p [String]);

impl<'de> Deserializer<'de> for Probe<'de> {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked::Value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked::Anything)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Asked> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Asked> {
        if self.0.is_empty() {
            return Err(Asked::Fields(fields));
        }
        visitor.visit_map(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        if self.0.is_empty() {
            return Err(Asked::List);
        }
        visitor.visit_seq(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct map enum identifier
    }
}

impl<'de> MapAccess<'de> for Probe<'de> {
    type Error = Asked;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Asked> {
        let [name, ..] = self.0 else {
            return Err(Asked::Other("the field was skipped".to_owned()));
        };
        seed.deserialize(BorrowedStrDeserializer::new(name))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Asked> {
        let below = Probe(self.0.get(1..).unwrap_or_default());
        self.0 = &[];
        seed.deserialize(below)
    }
}

impl<'de> SeqAccess<'de> for Probe<'de> {
    type Error = Asked;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Asked> {
        let below = Probe(self.0.get(1..).unwrap_or_default());
        seed.deserialize(below).map(Some)
    }
}
