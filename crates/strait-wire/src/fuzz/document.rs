//! Reads what the envelope writes, by another's parser.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::QName;

/// The texts of all elements, in the order of their ends. Panics if the document is not well formed.
pub(super) fn texts(document: &str) -> Vec<(String, String)> {
    assert!(
        document
            .chars()
            .all(|character| sayable(character) == character),
        "a character that XML cannot say: {document:?}"
    );
    let mut reader = Reader::from_str(document);
    let (mut open, mut closed) = (Vec::<(String, String)>::new(), Vec::new());
    loop {
        match reader.read_event().expect("it is well formed") {
            Event::Start(tag) => open.push((name(tag.name()), String::new())),
            Event::Empty(tag) => closed.push((name(tag.name()), String::new())),
            Event::End(_) => closed.push(open.pop().expect("it was opened")),
            Event::Text(text) => {
                let text = text.xml10_content().expect("it is UTF-8");
                match open.last_mut() {
                    Some((_, inside)) => inside.push_str(&text),
                    None => assert_eq!(text.trim(), "", "text outside the root"),
                }
            }
            Event::GeneralRef(reference) => {
                let (_, inside) = open.last_mut().expect("a reference is inside the root");
                inside.push_str(&resolve(&reference));
            }
            Event::Decl(_) => assert!(open.is_empty() && closed.is_empty(), "a late declaration"),
            Event::Eof => break,
            other @ (Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => {
                panic!("the envelope never writes {other:?}")
            }
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    closed
}

/// The one message of an error's document.
pub(super) fn message(document: &str) -> String {
    let mut messages: Vec<_> = texts(document)
        .into_iter()
        .filter(|(name, _)| name == "Message")
        .map(|(_, text)| text)
        .collect();
    assert_eq!(messages.len(), 1, "{document:?}");
    messages.remove(0)
}

/// A character as XML 1.0 can say it.
pub(super) fn sayable(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => character,
        '\0'..='\x1f' | '\u{fffe}'..='\u{ffff}' => '\u{fffd}',
    }
}

fn name(tag: QName<'_>) -> String {
    String::from_utf8(tag.as_ref().to_vec()).expect("it is UTF-8")
}

fn resolve(reference: &BytesRef<'_>) -> String {
    if let Some(character) = reference.resolve_char_ref().expect("a character") {
        return character.to_string();
    }
    let name = reference.decode().expect("it is UTF-8");
    resolve_predefined_entity(&name)
        .unwrap_or_else(|| panic!("an entity that nobody declared: {name}"))
        .to_owned()
}
