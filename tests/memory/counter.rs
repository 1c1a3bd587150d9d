//! An allocator that counts the allocations of the threads that ask for it.
//!
//! Only theirs: the test harness has threads of its own, which allocate whenever they like.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

thread_local! {
    static COUNTER: Cell<Option<Counter>> = const { Cell::new(None) };
}

/// The allocations of some threads.
#[derive(Clone, Copy)]
pub struct Counter(&'static Counts);

#[derive(Default)]
struct Counts {
    allocations: AtomicUsize,
    bytes: AtomicIsize,
}

impl Counter {
    /// Counts the allocations of this thread from now on.
    pub fn start() -> Self {
        let counter = Self(Box::leak(Box::default()));
        counter.add_this_thread();
        counter
    }

    /// Counts the allocations of this thread as well.
    pub fn add_this_thread(self) {
        COUNTER.set(Some(self));
    }

    /// The number of allocations so far, counting each reallocation as one.
    pub fn count(self) -> usize {
        self.0.allocations.load(Ordering::SeqCst)
    }

    /// The number of bytes that these threads have allocated and not given back.
    pub fn bytes(self) -> isize {
        self.0.bytes.load(Ordering::SeqCst)
    }
}

fn count(allocations: usize, bytes: isize) {
    if let Some(counter) = COUNTER.get() {
        counter
            .0
            .allocations
            .fetch_add(allocations, Ordering::SeqCst);
        counter.0.bytes.fetch_add(bytes, Ordering::SeqCst);
    }
}

#[allow(unsafe_code)]
// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
