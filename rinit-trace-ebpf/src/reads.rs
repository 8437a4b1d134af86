//! The two ways to read the kernel; each is an object of its own, built from the same sources.
//!
//! - Typed direct loads in BTF tracepoints, 6.1 on: no helper call, allowed under any lockdown.
//! - `bpf_probe_read_kernel` in raw tracepoints (feature `probe-reads`): kernels to 5.15, whose
//!   verifier refuses the numbers of a `struct pid` and which have no typed current task, and kernels
//!   that carry no BTF themselves.
//!
//! Either way a load from a wrong or dangling pointer reads 0, so a field of a dying process is 0
//! rather than a crash; user space treats 0 as not known where 0 is no value.
//!
//! Not a branch on a frozen constant: that would double what the verifier has to walk, of which 6.1
//! has no such share left.

#[cfg(not(feature = "probe-reads"))]
pub(crate) use aya_ebpf::{
    macros::btf_tracepoint as tracepoint, programs::BtfTracePointContext as TracePoint,
};
#[cfg(feature = "probe-reads")]
pub(crate) use aya_ebpf::{
    macros::raw_tracepoint as tracepoint, programs::RawTracePointContext as TracePoint,
};

/// A pointer to a kernel structure. With direct loads the verifier knows its type.
pub(crate) type Kernel = *const u8;

/// Reads a member: an integer or a pointer.
///
/// # Safety
/// `base` is a typed pointer from the context, a helper or another `load`, and `offset` is a
/// constant for the verifier, which refuses the program otherwise.
#[cfg(not(feature = "probe-reads"))]
#[inline(always)]
pub(crate) unsafe fn load<T: Copy>(base: Kernel, offset: usize) -> T {
    // SAFETY: the kernel turns a faulting load of a typed pointer into 0.
    unsafe { core::ptr::read_volatile(base.add(offset).cast::<T>()) }
}

/// Reads a member: an integer or a pointer.
///
/// # Safety
/// `T` is valid when all its bytes are 0.
#[cfg(feature = "probe-reads")]
#[inline(always)]
pub(crate) unsafe fn load<T: Copy>(base: Kernel, offset: usize) -> T {
    let mut value = core::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: the helper writes one `T`, zeroes when the source cannot be read; the source may be
    // anything. What is zero is a `T` by the caller's word.
    unsafe {
        aya_ebpf::helpers::generated::bpf_probe_read_kernel(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            base.wrapping_add(offset).cast(),
        );
        value.assume_init()
    }
}

/// The task that runs now.
#[cfg(not(feature = "probe-reads"))]
#[inline(always)]
pub(crate) fn current() -> Kernel {
    // SAFETY: the helper has no arguments and always returns a task (5.11 on).
    unsafe { aya_ebpf::helpers::generated::bpf_get_current_task_btf() as Kernel }
}

/// The task that runs now.
#[cfg(feature = "probe-reads")]
#[inline(always)]
pub(crate) fn current() -> Kernel {
    // SAFETY: the helper has no arguments and always returns a task.
    unsafe { aya_ebpf::helpers::generated::bpf_get_current_task() as Kernel }
}
