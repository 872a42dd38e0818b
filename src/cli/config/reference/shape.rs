//! The tables and keys that the parser takes, found out by reading: a source of values that answers whatever the types
//! ask for, and writes down what they asked. So what is listed is what is accepted, and nothing else.

use std::cell::RefCell;

use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::super::tables::Tables;

/// What stands for a name that the file chooses.
pub const NAME: &str = "NAME";

/// How `toml::Spanned` is asked for: a struct of this name with start, end and value.
const SPANNED: &str = "$__serde_spanned_private_Spanned";

/// What a key takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number, not negative.
    Whole,
    /// A number.
    Number,
    /// True or false.
    Truth,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A text with a meaning of its own.
    Own,
    /// Any number of these.
    List(Box<Kind>),
    /// A table whose keys the file chooses.
    Open,
    /// The table that is read as this type.
    Table(&'static str),
}

/// A key as the parser knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// As it is spelled.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether its table is refused without it.
    pub needed: bool,
}

/// A table as the parser knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The type that is read.
    pub read_as: &'static str,
    /// Its name, levels apart by dots; empty for the keys above all tables.
    pub path: String,
    /// Whether there may be many: `[[…]]`.
    pub many: bool,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// All tables, in the order in which the parser names them.
pub fn tables() -> Result<Vec<Table>, Error> {
    let mut tables = walk(None)?;
    for table in &mut tables {
        for (at, key) in table.keys.iter_mut().enumerate() {
            // Without a key that is needed, nothing is read at all.
            key.needed = walk(Some((table.path.as_str(), at))).is_err();
        }
    }
    Ok(tables)
}

fn walk(without: Option<(&str, usize)>) -> Result<Vec<Table>, Error> {
    let seen = RefCell::new(Vec::new());
    let kind = RefCell::new(None);
    Tables::deserialize(At { seen: &seen, kind: &kind, path: "", many: false, without })?;
    Ok(seen.into_inner())
}

/// The value at a place.
#[derive(Clone, Copy)]
struct At<'a> {
    seen: &'a RefCell<Vec<Table>>,
    /// What this place turns out to take.
    kind: &'a RefCell<Option<Kind>>,
    path: &'a str,
    many: bool,
    without: Option<(&'a str, usize)>,
}

impl At<'_> {
    fn is(&self, kind: Kind) {
        self.kind.borrow_mut().get_or_insert(kind);
    }
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Error;

    /// What asks for anything reads texts of its own: a length of time is the strictest of them.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(Kind::Own);
        visitor.visit_str("1h")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(Kind::Truth);
        visitor.visit_bool(false)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(Kind::Whole);
        visitor.visit_u64(1)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(Kind::Number);
        visitor.visit_f64(1.0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(Kind::Text);
        visitor.visit_str(NAME)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let of = RefCell::new(None);
        let value = visitor.visit_seq(Once { at: Some(At { kind: &of, many: true, ..self }), key: false })?;
        self.is(Kind::List(Box::new(of.into_inner().unwrap_or(Kind::Text))));
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let of = RefCell::new(None);
        let path = format!("{}.{NAME}", self.path);
        let value = visitor.visit_map(Once { at: Some(At { kind: &of, path: &path, ..self }), key: true })?;
        let of = of.into_inner();
        self.is(of.filter(|kind| matches!(kind, Kind::Table(_))).unwrap_or(Kind::Open));
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == SPANNED {
            return visitor.visit_map(Span { at: self, fields: fields.iter(), value: false });
        }
        self.is(Kind::Table(name));
        let table = Table { read_as: name, path: self.path.to_owned(), many: self.many, keys: Vec::new() };
        let place = self.seen.borrow().len();
        self.seen.borrow_mut().push(table);
        let dropped = self.without.filter(|(path, _)| *path == self.path).map(|(_, at)| at);
        visitor.visit_map(Keys { at: self, place, fields: fields.iter().enumerate(), name: "", dropped })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.is(Kind::OneOf(variants));
        visitor.visit_enum(First(variants.first().copied().unwrap_or_default()))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct
        identifier ignored_any
    }
}

/// The keys of one table, each with a value.
struct Keys<'a> {
    at: At<'a>,
    place: usize,
    fields: std::iter::Enumerate<std::slice::Iter<'static, &'static str>>,
    name: &'static str,
    dropped: Option<usize>,
}

impl<'de> MapAccess<'de> for Keys<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let dropped = self.dropped;
        let Some((_, name)) = self.fields.find(|(at, _)| dropped != Some(*at)) else { return Ok(None) };
        self.name = name;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let kind = RefCell::new(None);
        let path =
            if self.at.path.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.at.path, self.name) };
        let value = seed.deserialize(At { kind: &kind, path: &path, many: false, ..self.at })?;
        let key = Key { name: self.name, kind: kind.into_inner().unwrap_or(Kind::Text), needed: false };
        if let Some(table) = self.at.seen.borrow_mut().get_mut(self.place) {
            table.keys.push(key);
        }
        Ok(value)
    }
}

/// One element of a list, or one entry of a table whose keys the file chooses.
struct Once<'a> {
    at: Option<At<'a>>,
    key: bool,
}

impl<'de> SeqAccess<'de> for Once<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.at.take().map(|at| seed.deserialize(at)).transpose()
    }
}

impl<'de> MapAccess<'de> for Once<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        match std::mem::take(&mut self.key) {
            true => seed.deserialize(BorrowedStrDeserializer::new(NAME)).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let at = self.at.take().ok_or_else(|| serde::de::Error::custom("one entry has one value"))?;
        seed.deserialize(at)
    }
}

/// A value with its span.
struct Span<'a> {
    at: At<'a>,
    fields: std::slice::Iter<'static, &'static str>,
    value: bool,
}

impl<'de> MapAccess<'de> for Span<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.fields.next() else { return Ok(None) };
        self.value = self.fields.as_slice().is_empty();
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        if self.value { seed.deserialize(self.at) } else { seed.deserialize(0_usize.into_deserializer()) }
    }
}

/// The first of some words.
struct First(&'static str);

impl<'de> EnumAccess<'de> for First {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let value = seed.deserialize(BorrowedStrDeserializer::new(self.0))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for First {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(BorrowedStrDeserializer::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}
