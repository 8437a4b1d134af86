//! Cuts a kernel's BTF down to what the program reads of it, some kilobytes of some megabytes.

use std::collections::HashMap;

use super::image::{
    ARRAY, CONST, ENUM, FUNC, FUNC_PROTO, INT, Image, PTR, RESTRICT, STRUCT, TYPE_TAG, TYPEDEF,
    Type, UNION, VOLATILE,
};
use crate::kernel::attach::{HOOKS, TEARDOWN_FUNCTION};

/// Kept with all their members, so that a member which is read one day is in the samples already.
const STRUCTS: [&str; 19] = [
    "cgroup",
    "cgroup_root",
    "cgroup_subsys_state",
    "cred",
    "css_set",
    "k_sigaction",
    "kernel_siginfo",
    "kernfs_iattrs",
    "kernfs_node",
    "ns_common",
    "nsproxy",
    "pid",
    "pid_namespace",
    "sigaction",
    "sighand_struct",
    "signal_struct",
    "sigpending",
    "task_struct",
    "upid",
];

const ENUMS: [&str; 3] = ["bpf_map_type", "cgroup_subsys_id", "pid_type"];

/// The sample of a kernel's BTF.
pub(super) fn trim(data: &[u8]) -> Vec<u8> {
    let from = Image::parse(data);
    let mut trimmer = Trimmer {
        from: &from,
        into: Image { types: Vec::new() },
        known: HashMap::new(),
        pointer: None,
    };
    for (id, root) in (1..).zip(&from.types) {
        if is_tracepoint(root) {
            trimmer.tracepoint(root);
        } else if is_wanted(root) {
            trimmer.take(id);
        }
    }
    trimmer.into.bytes()
}

fn is_wanted(root: &Type) -> bool {
    let name = root.name.as_str();
    match root.kind {
        STRUCT => STRUCTS.contains(&name),
        ENUM => ENUMS.contains(&name),
        FUNC => name == TEARDOWN_FUNCTION,
        _ => false,
    }
}

/// The type that has the arguments of a hook's tracepoint.
fn is_tracepoint(root: &Type) -> bool {
    let name = root.name.strip_prefix("btf_trace_").unwrap_or_default();
    root.kind == TYPEDEF
        && HOOKS.iter().any(|hook| {
            hook.name
                .rsplit_once(':')
                .is_some_and(|(_, own)| own == name)
        })
}

struct Trimmer<'a> {
    from: &'a Image,
    into: Image,
    /// New ids by old ones.
    known: HashMap<u32, u32>,
    /// The one pointer that stands for all.
    pointer: Option<u32>,
}

impl Trimmer<'_> {
    fn push(&mut self, new: Type) -> u32 {
        self.into.types.push(new);
        u32::try_from(self.into.types.len()).unwrap()
    }

    fn change(&mut self, id: u32, change: impl FnOnce(&mut Type)) {
        change(&mut self.into.types[id as usize - 1]);
    }

    /// Its new id, with all that it has inside. 0, which is `void`, when nobody looks into it.
    fn take(&mut self, id: u32) -> u32 {
        if let Some(new) = self.known.get(&id) {
            return *new;
        }
        let Some(old) = self.from.get(id) else {
            return 0;
        };
        let new = match old.kind {
            PTR => self.any_pointer(old),
            STRUCT | UNION if old.name.is_empty() || is_wanted(old) => self.members(id, old),
            ENUM if is_wanted(old) => self.push(old.clone()),
            INT => self.push(old.clone()),
            ARRAY => self.array(id, old),
            FUNC | TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG => self.qualifier(id, old),
            FUNC_PROTO => self.parameters(old),
            _ => 0,
        };
        self.known.insert(id, new);
        new
    }

    fn any_pointer(&mut self, old: &Type) -> u32 {
        if let Some(pointer) = self.pointer {
            return pointer;
        }
        let pointer = self.push(Type {
            target: 0,
            ..old.clone()
        });
        self.pointer = Some(pointer);
        pointer
    }

    fn members(&mut self, id: u32, old: &Type) -> u32 {
        let new = self.push(old.clone());
        self.known.insert(id, new);
        for (index, member) in old.entries.iter().enumerate() {
            let inner = match self.from.get(member.words[0]) {
                // A structure's members can be its owner's without a name between them, though it has
                // one itself: `struct ns_tree` in `struct ns_common` (7.0 on).
                Some(inner) if member.name.is_empty() && [STRUCT, UNION].contains(&inner.kind) => {
                    self.anonymous(member.words[0], inner)
                }
                _ => self.take(member.words[0]),
            };
            self.change(new, |owner| owner.entries[index].words[0] = inner);
        }
        new
    }

    fn anonymous(&mut self, id: u32, old: &Type) -> u32 {
        let known = self.known.get(&id).filter(|new| **new != 0);
        known.copied().unwrap_or_else(|| self.members(id, old))
    }

    fn array(&mut self, id: u32, old: &Type) -> u32 {
        let new = self.push(old.clone());
        self.known.insert(id, new);
        for index in 0..2 {
            let inner = self.take(old.tail[index]);
            self.change(new, |array| array.tail[index] = inner);
        }
        new
    }

    fn qualifier(&mut self, id: u32, old: &Type) -> u32 {
        let new = self.push(old.clone());
        self.known.insert(id, new);
        let inner = self.take(old.target);
        self.change(new, |owner| owner.target = inner);
        new
    }

    fn parameters(&mut self, old: &Type) -> u32 {
        let new = self.push(Type {
            target: 0,
            ..old.clone()
        });
        for (index, parameter) in old.entries.iter().enumerate() {
            let inner = self.take(parameter.words[0]);
            self.change(new, |proto| {
                proto.entries[index].words[0] = inner;
                proto.entries[index].name.clear();
            });
        }
        new
    }

    /// `typedef void (*btf_trace_NAME)(void *, …)`: the only pointer whose target is kept.
    fn tracepoint(&mut self, old: &Type) {
        let new = self.push(old.clone());
        let Some(pointer) = self.from.get(old.target).filter(|to| to.kind == PTR) else {
            panic!("{} is no pointer", old.name);
        };
        let to = self.push(pointer.clone());
        self.change(new, |typedef| typedef.target = to);
        let proto = self.take(pointer.target);
        self.change(to, |pointer| pointer.target = proto);
    }
}
