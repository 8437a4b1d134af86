//! BTF as a list of types that can be changed, and written again. For samples alone: the program has a
//! reader of its own, and the two check each other.

use std::collections::HashMap;

pub(super) const INT: u32 = 1;
pub(super) const PTR: u32 = 2;
pub(super) const ARRAY: u32 = 3;
pub(super) const STRUCT: u32 = 4;
pub(super) const UNION: u32 = 5;
pub(super) const ENUM: u32 = 6;
pub(super) const FWD: u32 = 7;
pub(super) const TYPEDEF: u32 = 8;
pub(super) const VOLATILE: u32 = 9;
pub(super) const CONST: u32 = 10;
pub(super) const RESTRICT: u32 = 11;
pub(super) const FUNC: u32 = 12;
pub(super) const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const FLOAT: u32 = 16;
const DECL_TAG: u32 = 17;
pub(super) const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// Bits of a type's second word that say neither its kind nor how many entries it has.
const FLAG: u32 = 1 << 31;

/// A member, an enumerator or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Type and offset of a member, value of an enumerator, type of a parameter.
    pub(super) words: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) name: String,
    pub(super) kind: u32,
    pub(super) flag: u32,
    /// Size in bytes, or the id of another type; by kind.
    pub(super) target: u32,
    pub(super) entries: Vec<Entry>,
    /// What follows and has no name: an integer's encoding, an array's types and length.
    pub(super) tail: Vec<u32>,
}

/// All types; the id of the first is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) types: Vec<Type>,
}

impl Image {
    /// Of what a kernel shows. Panics on anything else.
    pub(super) fn parse(data: &[u8]) -> Self {
        let word = |at: usize| u32::from_ne_bytes(data[at..at + 4].try_into().unwrap());
        let [header, types_at, types_len, strings_at] = [4, 8, 12, 16].map(|at| word(at) as usize);
        let string = |offset: u32| {
            let bytes = &data[header + strings_at + offset as usize..];
            let len = bytes.iter().position(|byte| *byte == 0).unwrap();
            String::from_utf8(bytes[..len].to_vec()).unwrap()
        };
        let mut types = Vec::new();
        let mut at = header + types_at;
        while at < header + types_at + types_len {
            let info = word(at + 4);
            let kind = (info >> 24) & 0x1f;
            let count = (info & 0xffff) as usize;
            let mut read = Type {
                name: string(word(at)),
                kind,
                flag: info & FLAG,
                target: word(at + 8),
                entries: Vec::new(),
                tail: Vec::new(),
            };
            at += 12;
            let (entry_words, tail_words) = trailer(kind);
            for _ in 0..count * usize::from(entry_words > 0) {
                // The entries of a DATASEC have no names: their first word is a type.
                let is_named = kind != DATASEC;
                read.entries.push(Entry {
                    name: string(if is_named { word(at) } else { 0 }),
                    words: (1..entry_words).map(|index| word(at + 4 * index)).collect(),
                });
                at += 4 * entry_words;
            }
            read.tail = (0..tail_words).map(|index| word(at + 4 * index)).collect();
            at += 4 * tail_words;
            types.push(read);
        }
        Self { types }
    }

    /// By its id.
    pub(super) fn get(&self, id: u32) -> Option<&Type> {
        self.types.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    /// As a kernel shows it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut strings = Strings::default();
        let mut words = Vec::new();
        for kept in &self.types {
            let count = u32::try_from(kept.entries.len()).unwrap();
            let info = kept.flag | kept.kind << 24 | count;
            words.extend([strings.put(&kept.name), info, kept.target]);
            for entry in &kept.entries {
                words.push(strings.put(&entry.name));
                words.extend(&entry.words);
            }
            words.extend(&kept.tail);
        }
        let types_len = 4 * words.len();
        let mut bytes = Vec::new();
        bytes.extend(0xeb9f_u16.to_ne_bytes());
        // Version and flags.
        bytes.extend([1, 0]);
        let header = [24, 0, types_len, types_len, strings.bytes.len()];
        let header = header.map(|value| u32::try_from(value).unwrap());
        let all = header.iter().chain(&words);
        bytes.extend(all.flat_map(|word| word.to_ne_bytes()));
        bytes.extend(&strings.bytes);
        bytes
    }
}

/// Words of each entry, and words behind them.
fn trailer(kind: u32) -> (usize, usize) {
    match kind {
        INT | VAR | DECL_TAG => (0, 1),
        ARRAY => (0, 3),
        STRUCT | UNION | DATASEC | ENUM64 => (3, 0),
        ENUM | FUNC_PROTO => (2, 0),
        PTR | FWD..=FUNC | FLOAT | TYPE_TAG => (0, 0),
        other => panic!("a type of the unknown kind {other}"),
    }
}

/// A string table, each string once.
struct Strings {
    bytes: Vec<u8>,
    known: HashMap<String, u32>,
}

impl Default for Strings {
    fn default() -> Self {
        Self {
            bytes: vec![0],
            known: HashMap::from([(String::new(), 0)]),
        }
    }
}

impl Strings {
    fn put(&mut self, text: &str) -> u32 {
        let next = u32::try_from(self.bytes.len()).unwrap();
        let offset = *self.known.entry(text.to_owned()).or_insert(next);
        if offset == next {
            self.bytes.extend(text.as_bytes());
            self.bytes.push(0);
        }
        offset
    }
}
