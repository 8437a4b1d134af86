//! Reads BTF: just enough to turn `task_struct.signal` into a byte offset.
//!
//! Total on any input: BTF may come from a file that a user names. Format:
//! Documentation/bpf/btf.rst of the kernel. The crates that do this either are under the LGPL or
//! keep member offsets private.

use std::collections::HashMap;

const MAGIC: u16 = 0xeb9f;
const HEADER_LEN: usize = 24;
const TYPE_LEN: usize = 12;

const KIND_INT: u32 = 1;
const KIND_PTR: u32 = 2;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_TYPEDEF: u32 = 8;
const KIND_VOLATILE: u32 = 9;
const KIND_CONST: u32 = 10;
const KIND_RESTRICT: u32 = 11;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;
const KIND_DECL_TAG: u32 = 17;
const KIND_TYPE_TAG: u32 = 18;
const KIND_ENUM64: u32 = 19;

/// Members that a search looks at: a kernel's structures have some hundreds, and in a hostile file
/// anonymous ones that hold each other would make it endless.
const MAX_MEMBERS: usize = 1 << 16;

/// Deepest chain of typedefs or anonymous members that is followed: a hostile file may loop.
const MAX_DEPTH: u32 = 32;

/// Why BTF could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// Not BTF, or of the other byte order.
    #[error("it is not BTF of this machine's byte order (wrong magic)")]
    Magic,
    /// Shorter than it says.
    #[error("it is cut off at byte {0}")]
    Truncated(usize),
    /// Newer than this reader.
    #[error("it has a type of the unknown kind {0}")]
    UnknownKind(u32),
}

/// Parsed BTF.
pub struct Btf {
    data: Vec<u8>,
    types_at: usize,
    strings_at: usize,
    strings_end: usize,
    /// Offsets of types in the data; index 0 is `void`.
    types: Vec<usize>,
    by_name: HashMap<(u32, String), Vec<u32>>,
}

#[derive(Clone, Copy)]
struct Type {
    at: usize,
    kind: u32,
    count: usize,
    flag: bool,
    /// Size in bytes, or the id of another type; by kind.
    target: u32,
}

impl Btf {
    /// Parses and indexes.
    pub fn parse(data: Vec<u8>) -> Result<Self, BtfError> {
        let magic = data.get(0..2).ok_or(BtfError::Truncated(0))?;
        if magic != MAGIC.to_ne_bytes() {
            return Err(BtfError::Magic);
        }
        let at = |offset: usize| read_u32(&data, offset).ok_or(BtfError::Truncated(offset));
        let header_len = at(4)? as usize;
        if header_len < HEADER_LEN {
            return Err(BtfError::Truncated(4));
        }
        let types_at = header_len.saturating_add(at(8)? as usize);
        let types_end = types_at.saturating_add(at(12)? as usize);
        let strings_at = header_len.saturating_add(at(16)? as usize);
        let strings_end = strings_at.saturating_add(at(20)? as usize);
        if types_end > data.len() || strings_end > data.len() {
            return Err(BtfError::Truncated(data.len()));
        }
        let mut btf = Self {
            data,
            types_at,
            strings_at,
            strings_end,
            types: vec![0],
            by_name: HashMap::new(),
        };
        btf.index(types_end)?;
        Ok(btf)
    }

    fn index(&mut self, end: usize) -> Result<(), BtfError> {
        let mut at = self.types_at;
        while at < end {
            let header = self.type_at(at).ok_or(BtfError::Truncated(at))?;
            let id = u32::try_from(self.types.len()).map_err(|_| BtfError::Truncated(at))?;
            self.types.push(at);
            if matches!(
                header.kind,
                KIND_STRUCT | KIND_UNION | KIND_ENUM | KIND_TYPEDEF | KIND_FUNC
            ) {
                let name = self.string(read_u32(&self.data, at).unwrap_or(0));
                if !name.is_empty() {
                    let key = (header.kind, name.to_owned());
                    self.by_name.entry(key).or_default().push(id);
                }
            }
            at = at
                .saturating_add(TYPE_LEN)
                .saturating_add(trailer_len(header.kind, header.count)?);
        }
        Ok(())
    }

    fn type_at(&self, at: usize) -> Option<Type> {
        let info = read_u32(&self.data, at.checked_add(4)?)?;
        Some(Type {
            at,
            kind: (info >> 24) & 0x1f,
            count: (info & 0xffff) as usize,
            flag: info >> 31 != 0,
            target: read_u32(&self.data, at.checked_add(8)?)?,
        })
    }

    fn get(&self, id: u32) -> Option<Type> {
        if id == 0 {
            return None;
        }
        self.type_at(*self.types.get(id as usize)?)
    }

    fn string(&self, offset: u32) -> &str {
        let start = self.strings_at.saturating_add(offset as usize);
        let bytes = self.data.get(start..self.strings_end).unwrap_or_default();
        let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
        std::str::from_utf8(&bytes[..len]).unwrap_or_default()
    }

    /// Follows typedefs and qualifiers to the type itself.
    fn strip(&self, mut id: u32) -> Option<(u32, Type)> {
        for _ in 0..MAX_DEPTH {
            let found = self.get(id)?;
            match found.kind {
                KIND_TYPEDEF | KIND_VOLATILE | KIND_CONST | KIND_RESTRICT | KIND_TYPE_TAG => {
                    id = found.target;
                }
                _ => return Some((id, found)),
            }
        }
        None
    }

    /// The biggest type of that name: forward declarations and look-alikes have fewer members.
    fn find(&self, kind: u32, name: &str) -> Option<u32> {
        self.by_name
            .get(&(kind, name.to_owned()))?
            .iter()
            .copied()
            .max_by_key(|id| self.get(*id).map_or(0, |found| found.count))
    }

    fn member(&self, id: u32, name: &str, depth: u32, left: &mut usize) -> Option<(u32, u32)> {
        let (_, owner) = self.strip(id)?;
        if depth > MAX_DEPTH || !matches!(owner.kind, KIND_STRUCT | KIND_UNION) {
            return None;
        }
        for index in 0..owner.count {
            *left = left.checked_sub(1)?;
            let at = owner.at + TYPE_LEN + 12 * index;
            let member_name = self.string(read_u32(&self.data, at)?);
            let member_type = read_u32(&self.data, at + 4)?;
            let raw = read_u32(&self.data, at + 8)?;
            let bits = if owner.flag { raw & 0x00ff_ffff } else { raw };
            if member_name == name {
                return Some((bits / 8, member_type));
            }
            if member_name.is_empty()
                && let Some((inner, found)) = self.member(member_type, name, depth + 1, left)
            {
                return Some(((bits / 8).checked_add(inner)?, found));
            }
        }
        None
    }

    /// Byte offset of a member: `task_struct.tgid`, `k_sigaction.sa.sa_handler`. Descends through
    /// anonymous structures and unions.
    pub fn offset(&self, path: &str) -> Option<u32> {
        self.walk(path).map(|(offset, _)| offset)
    }

    /// Elements of a member that is an array; 0 for a flexible one.
    pub fn array_len(&self, path: &str) -> Option<u32> {
        let (_, id) = self.walk(path)?;
        let (_, array) = self.strip(id)?;
        // struct btf_array: type, index type, number of elements.
        (array.kind == KIND_ARRAY)
            .then(|| read_u32(&self.data, array.at + TYPE_LEN + 8))
            .flatten()
    }

    /// Offset and type of a member.
    fn walk(&self, path: &str) -> Option<(u32, u32)> {
        let mut names = path.split('.');
        let mut id = self.find(KIND_STRUCT, names.next()?)?;
        let mut offset = 0_u32;
        let mut left = MAX_MEMBERS;
        for name in names {
            let (by, next) = self.member(id, name, 0, &mut left)?;
            offset = offset.checked_add(by)?;
            id = next;
        }
        Some((offset, id))
    }

    /// Size of a structure in bytes.
    pub fn size(&self, name: &str) -> Option<u32> {
        self.get(self.find(KIND_STRUCT, name)?)
            .map(|found| found.target)
    }

    /// Value of an enumerator.
    pub fn enumerator(&self, name: &str, value: &str) -> Option<u32> {
        let found = self.get(self.find(KIND_ENUM, name)?)?;
        (0..found.count).find_map(|index| {
            let at = found.at + TYPE_LEN + 8 * index;
            let matches = self.string(read_u32(&self.data, at)?) == value;
            matches.then(|| read_u32(&self.data, at + 4)).flatten()
        })
    }

    /// Whether the kernel has a function that BPF programs can attach to.
    pub fn has_function(&self, name: &str) -> bool {
        self.find(KIND_FUNC, name).is_some()
    }

    /// Parameters of a tracepoint (`btf_trace_NAME`), the context pointer left out: for each
    /// whether it is a pointer.
    pub fn tracepoint(&self, name: &str) -> Option<Vec<bool>> {
        let id = self.find(KIND_TYPEDEF, &format!("btf_trace_{name}"))?;
        let (_, pointer) = self.strip(id)?;
        if pointer.kind != KIND_PTR {
            return None;
        }
        let (_, proto) = self.strip(pointer.target)?;
        if proto.kind != KIND_FUNC_PROTO {
            return None;
        }
        (1..proto.count)
            .map(|index| {
                let at = proto.at + TYPE_LEN + 8 * index + 4;
                let parameter = self.strip(read_u32(&self.data, at)?)?.1;
                Some(parameter.kind == KIND_PTR)
            })
            .collect()
    }
}

/// Bytes that follow the header of a type.
fn trailer_len(kind: u32, count: usize) -> Result<usize, BtfError> {
    Ok(match kind {
        KIND_INT | KIND_VAR | KIND_DECL_TAG => 4,
        KIND_ARRAY => 12,
        KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 12 * count,
        KIND_ENUM | KIND_FUNC_PROTO => 8 * count,
        KIND_PTR | 7..=KIND_FUNC | 16 | KIND_TYPE_TAG => 0,
        other => return Err(BtfError::UnknownKind(other)),
    })
}

fn read_u32(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A small BTF image: `struct outer { int a; union { int b; }; inner_t c; }`.
    fn sample() -> Vec<u8> {
        let strings = b"\0int\0outer\0a\0b\0c\0inner_t\0inner\0d\0";
        let name = |text: &str| {
            let needle = format!("\0{text}\0");
            u32::try_from(
                strings
                    .windows(needle.len())
                    .position(|window| window == needle.as_bytes())
                    .unwrap()
                    + 1,
            )
            .unwrap()
        };
        let mut types: Vec<u32> = Vec::new();
        types.extend([name("int"), KIND_INT << 24, 4, 32]); // 1
        types.extend([0, KIND_UNION << 24 | 1, 4, name("b"), 1, 0]); // 2
        types.extend([name("inner"), KIND_STRUCT << 24 | 1, 8, name("d"), 1, 32]); // 3
        types.extend([name("inner_t"), KIND_TYPEDEF << 24, 3]); // 4
        types.extend([name("outer"), KIND_STRUCT << 24 | 3, 16]); // 5
        types.extend([name("a"), 1, 0, 0, 2, 32, name("c"), 4, 64]);
        image(&types, strings)
    }

    fn image(types: &[u32], strings: &[u8]) -> Vec<u8> {
        let type_bytes: Vec<u8> = types.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut data = Vec::new();
        data.extend(MAGIC.to_ne_bytes());
        data.extend([1, 0]);
        for word in [24, 0, type_bytes.len(), type_bytes.len(), strings.len()] {
            data.extend(u32::try_from(word).unwrap().to_ne_bytes());
        }
        data.extend(type_bytes);
        data.extend(strings);
        data
    }

    #[test]
    fn members_are_found_through_anonymous_unions_and_typedefs() {
        let btf = Btf::parse(sample()).unwrap();
        assert_eq!(btf.offset("outer.a"), Some(0));
        assert_eq!(btf.offset("outer.b"), Some(4));
        assert_eq!(btf.offset("outer.c.d"), Some(12));
        assert_eq!(btf.offset("outer.nope"), None);
        assert_eq!(btf.offset("nope.a"), None);
        assert_eq!(btf.size("outer"), Some(16));
    }

    #[test]
    fn what_is_no_btf_is_refused() {
        assert_eq!(Btf::parse(vec![]).err(), Some(BtfError::Truncated(0)));
        assert_eq!(Btf::parse(vec![0; 100]).err(), Some(BtfError::Magic));
        let mut cut = sample();
        cut.truncate(60);
        assert!(matches!(Btf::parse(cut), Err(BtfError::Truncated(_))));
    }

    /// Its search would take 2 to the power of 33 steps.
    #[test]
    fn anonymous_members_that_hold_themselves_come_to_an_end() {
        let mut types = vec![0, KIND_STRUCT << 24 | 2, 8, 0, 1, 0, 0, 1, 0];
        types.extend([1, KIND_STRUCT << 24 | 1, 8, 0, 1, 0]);
        let btf = Btf::parse(image(&types, b"\0outer\0")).unwrap();
        assert_eq!(btf.offset("outer.nope"), None);
    }

    #[test]
    fn this_kernel_has_what_the_programs_need() {
        let data = std::fs::read("/sys/kernel/btf/vmlinux").unwrap();
        let btf = Btf::parse(data).unwrap();
        assert!(btf.offset("task_struct.tgid").unwrap() > 0);
        assert_eq!(btf.offset("k_sigaction.sa.sa_handler"), Some(0));
        assert_eq!(btf.enumerator("pid_type", "PIDTYPE_TGID"), Some(1));
        let arguments = btf.tracepoint("signal_generate").unwrap();
        assert_eq!(arguments, [false, true, true, false, false]);
        assert_eq!(btf.array_len("task_struct.comm"), Some(16));
        assert_eq!(btf.array_len("pid.numbers"), Some(0));
        assert_eq!(btf.array_len("pid.level"), None);
    }

    proptest! {
        #[test]
        fn damaged_btf_never_panics(at in 0_usize..200, byte: u8, len in 0_usize..220) {
            let mut data = sample();
            data.truncate(len);
            if let Some(place) = data.get_mut(at) {
                *place = byte;
            }
            if let Ok(btf) = Btf::parse(data) {
                let _ = btf.offset("outer.b");
                let _ = btf.offset("outer.c.d");
                let _ = btf.array_len("outer.c.d");
                let _ = btf.tracepoint("a");
                let _ = btf.enumerator("outer", "a");
            }
        }
    }
}
