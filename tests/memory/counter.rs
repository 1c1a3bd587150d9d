//! An allocator that counts the allocations of the threads that ask for it.
//!
//! Only theirs: the test harness has threads of its own, which allocate whenever they like.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

thread_local! {
    static COUNTER: Cell<Option<Counter>> = const { Cell::new(None) };
}

/// The number of allocations of some threads.
#[derive(Clone, Copy)]
pub struct Counter(&'static AtomicUsize);

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
        self.0.load(Ordering::SeqCst)
    }
}

fn count() {
    if let Some(counter) = COUNTER.get() {
        counter.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[allow(unsafe_code)]
// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}
