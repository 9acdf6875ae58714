//! Where buffers lie in memory, and that they go back.

use std::alloc::{GlobalAlloc, Layout, System};

/// Bytes from which on an allocation is a buffer.
const LARGE: usize = 16 << 10;
/// What a buffer's address is a multiple of, in bytes: a line of the cache.
pub(crate) const LINE: usize = 64;

#[global_allocator]
static ALLOCATOR: Aligned = Aligned;

/// The system's allocator, with buffers at the beginning of a line of the cache. The C library's large
/// ones begin 16 bytes behind it, and to there some processors copy a quarter as fast, in the kernel as
/// well: on AMD's Zen 3, read(2) of what is in memory fills 1.5 GB/s instead of 6.5.
struct Aligned;

fn aligned(layout: Layout) -> Layout {
    match layout.size() < LARGE {
        true => layout,
        // A size that is too much for this stays as it was, and fails as it would.
        false => layout.align_to(LINE).unwrap_or(layout),
    }
}

// SAFETY: all is the system's; a layout goes to it changed in the same way wherever it comes again, and
// a greater alignment is also what was asked for. What is or becomes large is moved by hand: the system
// cannot let it grow with another alignment.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Aligned {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as of this function.
        unsafe { System.alloc(aligned(layout)) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: it was allocated with what `aligned` makes of this layout.
        unsafe { System.dealloc(pointer, aligned(layout)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as of this function.
        unsafe { System.alloc_zeroed(aligned(layout)) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.size() < LARGE && size < LARGE {
            // SAFETY: neither is changed by `aligned`.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        // SAFETY: the caller's promise for the new size.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the new place is not the old one, and both hold so many bytes.
        unsafe {
            let to = self.alloc(new);
            if !to.is_null() {
                std::ptr::copy_nonoverlapping(pointer, to, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            to
        }
    }
}

/// Has large buffers given back to the system when they are dropped, and few heaps for many threads:
/// memory is then what is in use.
pub(crate) fn keep_small() {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(feature = "posix")))]
    #[allow(unsafe_code)]
    // SAFETY: mallopt takes two numbers and no pointer; no other thread runs yet.
    unsafe {
        nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, 64 << 10);
        nix::libc::mallopt(nix::libc::M_ARENA_MAX, 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_begins_with_a_line_of_the_cache_also_when_it_has_grown() {
        for size in [LARGE, LARGE + 1, 300_000, 1 << 20] {
            let zeros = vec![0_u8; size];
            assert!(zeros.iter().all(|byte| *byte == 0));
            assert_eq!(zeros.as_ptr() as usize % LINE, 0, "{size}");
        }
        let mut grown = Vec::new();
        for number in 0..200_000_u32 {
            grown.push(number);
        }
        assert_eq!(grown.as_ptr() as usize % LINE, 0);
        grown.truncate(5000);
        grown.shrink_to_fit();
        assert_eq!(grown.as_ptr() as usize % LINE, 0);
        grown.truncate(9);
        grown.shrink_to_fit();
        assert_eq!(grown, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
