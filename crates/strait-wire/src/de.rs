//! Reads the tree of parameters into typed requests, through serde. Every error names the whole parameter.
//!
//! Values are text; what the request wants decides what they are. Do not use `#[serde(flatten)]` or untagged enums in
//! requests: serde then asks for values before it knows their types, and numbers stay text.

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::error::WireError;
use crate::tree::{self, Node};

macro_rules! scalars {
    ($($method:ident $visit:ident $wanted:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
            let text = self.text()?;
            match text.trim().parse() {
                Ok(value) => visitor.$visit(value).map_err(|error: WireError| error.with_value(&text)),
                Err(_) => Err(invalid(concat!("It must be ", $wanted)).with_value(&text)),
            }
        }
    )*};
}

/// The parameters of a call: those that are not of the protocol or of the signature.
pub(crate) fn parameters(all: Node) -> Node {
    match all {
        Node::Leaf(_) => all,
        Node::Branch(mut parts) => {
            parts.retain(|name, _| !is_common(name));
            Node::Branch(parts)
        }
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = WireError;

    scalars! {
        deserialize_i8 visit_i8 "a whole number from -128 to 127";
        deserialize_i16 visit_i16 "a whole number from -32768 to 32767";
        deserialize_i32 visit_i32 "a whole number of 32 bits";
        deserialize_i64 visit_i64 "a whole number of 64 bits";
        deserialize_u8 visit_u8 "a whole number from 0 to 255";
        deserialize_u16 visit_u16 "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 "a whole number of 32 bits, not negative";
        deserialize_u64 visit_u64 "a whole number of 64 bits, not negative";
        deserialize_f32 visit_f32 "a number";
        deserialize_f64 visit_f64 "a number";
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        let text = self.text()?;
        if text.eq_ignore_ascii_case("true") {
            return visitor.visit_bool(true);
        }
        if text.eq_ignore_ascii_case("false") {
            return visitor.visit_bool(false);
        }
        Err(invalid("It must be true or false").with_value(&text))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        let text = self.text()?;
        visitor
            .visit_str(&text)
            .map_err(|error: WireError| error.with_value(&text))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        let members = match self {
            // How clients of the Query protocol write an empty list.
            Self::Leaf(text) if text.is_empty() => Vec::new(),
            Self::Leaf(text) => {
                return Err(
                    invalid("It is a list: number its members, beginning with .1")
                        .with_value(&text),
                );
            }
            Self::Branch(parts) => tree::members(parts)?,
        };
        visitor.visit_seq(Parts::new(members))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self {
            Self::Leaf(text) => {
                Err(invalid("It has parts: name them after a dot").with_value(&text))
            }
            Self::Branch(parts) => visitor.visit_map(Parts::new(parts)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        let text = self.text()?;
        visitor
            .visit_enum(Choice(text.clone()))
            .map_err(|error: WireError| error.with_value(&text))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match &self {
            Self::Leaf(_) => self.deserialize_string(visitor),
            Self::Branch(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { bytes byte_buf unit unit_struct identifier }
}

impl Node {
    /// The text of a value, which is empty where XML has nothing; parts where a value belongs are parameters that do not
    /// exist.
    fn text(self) -> Result<String, WireError> {
        let parts = match self {
            Self::Leaf(text) => return Ok(text),
            Self::Branch(parts) => parts,
        };
        match parts.into_keys().next() {
            None => Ok(String::new()),
            Some(name) => Err(WireError::UnknownParameter { name }),
        }
    }
}

/// The parts of a branch, one after the other; it puts their names before the errors below them.
struct Parts {
    rest: std::vec::IntoIter<(String, Node)>,
    current: Option<(String, Node)>,
}

impl Parts {
    fn new(parts: impl IntoIterator<Item = (String, Node)>) -> Self {
        Self {
            rest: parts.into_iter().collect::<Vec<_>>().into_iter(),
            current: None,
        }
    }
}

impl<'de> SeqAccess<'de> for Parts {
    type Error = WireError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, WireError> {
        let Some((name, node)) = self.rest.next() else {
            return Ok(None);
        };
        seed.deserialize(node)
            .map(Some)
            .map_err(|error| error.under(&name))
    }
}

impl<'de> MapAccess<'de> for Parts {
    type Error = WireError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, WireError> {
        self.current = self.rest.next();
        let Some((name, _)) = &self.current else {
            return Ok(None);
        };
        let key: StringDeserializer<WireError> = name.clone().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, WireError> {
        let Some((name, node)) = self.current.take() else {
            return Err(invalid("a value was asked for before its name"));
        };
        seed.deserialize(node).map_err(|error| error.under(&name))
    }
}

/// One of an enum's words.
struct Choice(String);

impl<'de> EnumAccess<'de> for Choice {
    type Error = WireError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), WireError> {
        let word: StringDeserializer<WireError> = self.0.clone().into_deserializer();
        seed.deserialize(word).map(|value| (value, self))
    }
}

impl<'de> VariantAccess<'de> for Choice {
    type Error = WireError;

    fn unit_variant(self) -> Result<(), WireError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        _seed: T,
    ) -> Result<T::Value, WireError> {
        Err(invalid("a word cannot have a value of its own"))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, WireError> {
        Err(invalid("a word cannot have values of its own"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, WireError> {
        Err(invalid("a word cannot have parts of its own"))
    }
}

fn invalid(reason: &str) -> WireError {
    WireError::InvalidParameter {
        name: String::new(),
        value: None,
        reason: reason.to_owned(),
    }
}

/// Parameters of the protocol and of the signature rather than of a call.
fn is_common(name: &str) -> bool {
    matches!(name, "Action" | "Version")
        || name
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("X-Amz-"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::form;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Wanted {
        name: String,
        port: Option<u16>,
        #[serde(default)]
        dry_run: bool,
        #[serde(default, rename = "Filter")]
        filters: Vec<Filter>,
        #[serde(default)]
        kind: Option<Kind>,
        #[serde(default)]
        block: Option<Value>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Filter {
        name: String,
        #[serde(default, rename = "Value")]
        values: Vec<String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Tcp,
        Udp,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Value {
        value: bool,
    }

    #[test]
    fn a_request_is_read_whole() {
        let wanted = read(
            "Action=Do&Version=1&X-Amz-Date=now&Name=+a+&Port=5432&DryRun=True&Filter.1.Name=x&Filter.3.Name=z\
             &Filter.1.Value.2=q&Filter.1.Value.10=r&Kind=udp&Block.Value=false",
        );
        let filter = |name: &str, values: &[&str]| Filter {
            name: name.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        assert_eq!(
            wanted.expect("well formed"),
            Wanted {
                name: " a ".to_owned(),
                port: Some(5432),
                dry_run: true,
                filters: vec![filter("x", &["q", "r"]), filter("z", &[])],
                kind: Some(Kind::Udp),
                block: Some(Value { value: false }),
            }
        );
    }

    #[test]
    fn what_is_left_out_is_its_default() {
        let wanted = read("Name=").expect("well formed");
        assert_eq!(
            (
                wanted.name.as_str(),
                wanted.port,
                wanted.dry_run,
                wanted.filters.len()
            ),
            ("", None, false, 0)
        );
        assert_eq!(read("Name=a&Filter=").expect("an empty list").filters, []);
        assert_eq!(
            read("Name=a&Filter.member.1.Name=x")
                .expect("with member")
                .filters
                .len(),
            1
        );
    }

    #[test]
    fn errors_name_the_whole_parameter() {
        let cases = [
            (
                "Port=1",
                "MissingParameter",
                "The request must contain the parameter Name",
            ),
            (
                "Name=a&Filter.2.Value.1=x",
                "MissingParameter",
                "The request must contain the parameter Filter.2.Name",
            ),
            (
                "Name=a&Colour=red",
                "UnknownParameter",
                "The parameter Colour is not recognized",
            ),
            (
                "Name=a&Filter.1.Nam=x",
                "UnknownParameter",
                "The parameter Filter.1.Nam is not recognized",
            ),
            (
                "Name.1=a",
                "UnknownParameter",
                "The parameter Name.1 is not recognized",
            ),
            (
                "Name=a&Filter.x=1",
                "UnknownParameter",
                "The parameter Filter.x is not recognized",
            ),
            (
                "Name=a&Port=70000",
                "InvalidParameterValue",
                "Value (70000) for parameter Port is invalid. It must be a whole number from 0 to 65535.",
            ),
            (
                "Name=a&DryRun=yes",
                "InvalidParameterValue",
                "Value (yes) for parameter DryRun is invalid. It must be true or false.",
            ),
            (
                "Name=a&Filter.1.Name=n&Filter.1.Value=v",
                "InvalidParameterValue",
                "Value (v) for parameter Filter.1.Value is invalid. It is a list: number its members, beginning with .1.",
            ),
            (
                "Name=a&Filter.1=v",
                "InvalidParameterValue",
                "Value (v) for parameter Filter.1 is invalid. It has parts: name them after a dot.",
            ),
            (
                "Name=a&Block=",
                "InvalidParameterValue",
                "Value () for parameter Block is invalid. It has parts: name them after a dot.",
            ),
            (
                "Name=a&Kind=icmp",
                "InvalidParameterValue",
                "Value (icmp) for parameter Kind is invalid. unknown variant `icmp`, expected `tcp` or `udp`.",
            ),
        ];
        for (query, code, message) in cases {
            let error = read(query).expect_err(query);
            let (_, said) = error.status_and_code(strait_vpc::api::Service::Ec2);
            assert_eq!(
                (said, error.to_string().as_str()),
                (code, message),
                "{query}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_form_makes_it_panic(form in "([A-Za-z0-9.%+=&]|Filter\\.1\\.|&Name=|\\PC){0,80}") {
            let _ = form::parse(form.as_bytes()).and_then(Node::from_pairs).and_then(|node| Wanted::deserialize(parameters(node)));
        }
    }

    fn read(query: &str) -> Result<Wanted, WireError> {
        let pairs = form::parse(query.as_bytes()).expect("well formed");
        Wanted::deserialize(parameters(Node::from_pairs(pairs)?))
    }
}
