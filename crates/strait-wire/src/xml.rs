//! Bodies in XML, read into the same tree as the Query protocol's parameters.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::error::WireError;
use crate::tree::Node;

/// No call nests deeper than `ChangeBatch`, `Changes`, `Change`, `ResourceRecordSet`, `ResourceRecords`, `ResourceRecord`.
const MAX_DEPTH: usize = 12;

/// Lists, and what their members are called.
const LISTS: &[(&str, &str)] = &[
    ("AddTags", "Tag"),
    ("Changes", "Change"),
    ("RemoveTagKeys", "Key"),
    ("ResourceIds", "ResourceId"),
    ("ResourceRecords", "ResourceRecord"),
];

/// Reads a document whose root has this name: what is in the root.
pub(crate) fn read(body: &[u8], root: &str) -> Result<BTreeMap<String, Node>, WireError> {
    let text = std::str::from_utf8(body).map_err(|_| refused("it is not UTF-8."))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut whole = None;
    loop {
        match reader
            .read_event()
            .map_err(|why| refused(&why.to_string()))?
        {
            Event::Start(start) => {
                if open.len() == MAX_DEPTH || whole.is_some() {
                    return Err(refused("it nests too deep, or has two roots."));
                }
                open.push(Element::new(&start)?);
            }
            Event::Empty(start) => {
                let element = Element::new(&start)?;
                close(element, &mut open, &mut whole)?;
            }
            Event::End(_) => {
                let element = open
                    .pop()
                    .ok_or_else(|| refused("an element ends that never began."))?;
                close(element, &mut open, &mut whole)?;
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|why| refused(&why.to_string()))?;
                add_text(&text, &mut open)?;
            }
            Event::CData(text) => {
                let text = text.decode().map_err(|why| refused(&why.to_string()))?;
                add_text(&text, &mut open)?;
            }
            Event::GeneralRef(reference) => {
                let character = reference
                    .resolve_char_ref()
                    .map_err(|why| refused(&why.to_string()))?;
                if let Some(character) = character {
                    add_text(&character.to_string(), &mut open)?;
                } else {
                    let name = reference
                        .decode()
                        .map_err(|why| refused(&why.to_string()))?;
                    let known = resolve_predefined_entity(&name);
                    add_text(
                        known.ok_or_else(|| refused("it has an entity that is not XML's own."))?,
                        &mut open,
                    )?;
                }
            }
            Event::DocType(_) => return Err(refused("it has a document type.")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    match whole {
        Some((name, node)) if open.is_empty() && name == root => Ok(match node {
            Node::Branch(parts) => parts,
            Node::Leaf(_) => BTreeMap::new(),
        }),
        Some((name, _)) if open.is_empty() => {
            Err(refused(&format!("its root is {name}, not {root}.")))
        }
        Some(_) | None => Err(refused("it ends too soon.")),
    }
}

/// An element that has begun.
struct Element {
    name: String,
    text: String,
    parts: Vec<(String, Node)>,
}

impl Element {
    fn new(start: &BytesStart<'_>) -> Result<Self, WireError> {
        let name = start.local_name();
        let name =
            std::str::from_utf8(name.as_ref()).map_err(|_| refused("a name is not UTF-8."))?;
        Ok(Self {
            name: name.to_owned(),
            text: String::new(),
            parts: Vec::new(),
        })
    }

    fn node(self) -> Result<Node, WireError> {
        let member = LISTS.iter().find(|(list, _)| *list == self.name);
        let is_blank = self.text.trim().is_empty();
        if self.parts.is_empty() && is_blank {
            // A text, a list or a structure: what is wanted decides, and of each it is the empty one.
            return Ok(Node::Branch(BTreeMap::new()));
        }
        if self.parts.is_empty() {
            return Ok(Node::Leaf(self.text));
        }
        if !is_blank {
            return Err(refused(&format!(
                "{} has both text and elements.",
                self.name
            )));
        }
        let mut parts = BTreeMap::new();
        for (place, (name, node)) in (1..).zip(self.parts) {
            let name = match member {
                Some((_, member)) if name == *member => place.to_string(),
                Some(_) | None => name,
            };
            if parts.insert(name.clone(), node).is_some() {
                return Err(refused(&format!("{} has {name} twice.", self.name)));
            }
        }
        Ok(Node::Branch(parts))
    }
}

fn close(
    element: Element,
    open: &mut [Element],
    whole: &mut Option<(String, Node)>,
) -> Result<(), WireError> {
    let name = element.name.clone();
    let node = element.node()?;
    match open.last_mut() {
        Some(above) => above.parts.push((name, node)),
        None if whole.is_none() => *whole = Some((name, node)),
        None => return Err(refused("it has two roots.")),
    }
    Ok(())
}

fn add_text(text: &str, open: &mut [Element]) -> Result<(), WireError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(refused("there is text outside of its root.")),
    }
    Ok(())
}

fn refused(why: &str) -> WireError {
    WireError::Document(why.to_owned())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn lists_are_numbered_and_text_is_unescaped() {
        let body = "<?xml version=\"1.0\"?>\n<R xmlns=\"x\"><Changes><Change><Action>A &amp; B&#33;</Action></Change>\
                    <Change/></Changes><Comment><![CDATA[<c>]]></Comment><Empty/></R>";
        let parts = read(body.as_bytes(), "R").expect("well formed");
        assert_eq!(parts["Comment"], Node::Leaf("<c>".to_owned()));
        assert_eq!(parts["Empty"], Node::Branch(BTreeMap::new()));
        let Node::Branch(changes) = &parts["Changes"] else {
            panic!("a list");
        };
        assert_eq!(changes.keys().collect::<Vec<_>>(), ["1", "2"]);
        let Node::Branch(change) = &changes["1"] else {
            panic!("a change");
        };
        assert_eq!(change["Action"], Node::Leaf("A & B!".to_owned()));
    }

    #[test]
    fn what_is_blank_is_an_empty_text_list_or_structure() {
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        struct Wanted {
            comment: Option<String>,
            changes: Vec<String>,
            config: Config,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        struct Config {
            comment: Option<String>,
        }
        for body in [
            "<R><Comment/><Changes/><Config/></R>",
            "<R>\n<Comment></Comment>\n<Changes>\n</Changes>\n<Config>\n  </Config></R>",
        ] {
            let parts = read(body.as_bytes(), "R").expect("well formed");
            let wanted = Wanted::deserialize(Node::Branch(parts));
            let expected = Wanted {
                comment: Some(String::new()),
                changes: Vec::new(),
                config: Config { comment: None },
            };
            assert_eq!(wanted.expect("all there"), expected, "{body}");
        }
    }

    #[test]
    fn what_is_not_the_document_is_refused() {
        let deep = format!("<R>{}", "<a>".repeat(MAX_DEPTH));
        for body in [
            "",
            "text",
            "<R>",
            "<R></S>",
            "<S/>",
            "<R/><R/>",
            "<R>text<a/></R>",
            "<R><a/><a/></R>",
            "<!DOCTYPE R [<!ENTITY e 'x'>]><R>&e;</R>",
            "<R>&e;</R>",
            "<R>&#0;</R><",
            deep.as_str(),
        ] {
            let error = read(body.as_bytes(), "R").expect_err(body);
            assert!(matches!(error, WireError::Document(_)), "{body}: {error}");
        }
        assert!(read(b"<R>\xff</R>", "R").is_err());
    }
}
