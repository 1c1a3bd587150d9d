//! The trace of the current invocation, as an environment variable.

use std::env;

use tokio::runtime::{Handle, RuntimeFlavor};

/// Where the AWS SDKs and X-Ray look for the trace (AWS, documentation of custom runtimes).
const TRACE_ID: &str = "_X_AMZN_TRACE_ID";

/// Sets the variable, where that is wanted and sound.
#[derive(Debug)]
pub(super) struct TraceVariable {
    is_set: bool,
}

impl TraceVariable {
    /// `is_wanted` says whether one invocation is served at a time, on AWS, and the user has not
    /// turned it off.
    pub(super) fn new(is_wanted: bool) -> Self {
        let is_alone = || {
            Handle::try_current()
                .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::CurrentThread)
        };
        Self {
            is_set: is_wanted && is_alone(),
        }
    }

    /// Sets the variable for an invocation that is about to begin, or removes it.
    #[allow(
        unsafe_code,
        reason = "the variable cannot be set without it; see the comment below"
    )]
    pub(super) fn set(&self, trace_id: Option<&str>) {
        if !self.is_set {
            return;
        }
        // A value with a NUL cannot be set; header values cannot have one, but this must not panic.
        let value = trace_id.filter(|value| !value.contains('\0'));
        // SAFETY: no other thread may read or write the environment meanwhile, unless through
        // `std::env`, which has a lock. This is called between invocations, from the thread of a
        // current-thread tokio runtime, so no async code of the program is running on another thread.
        // Rust code on other threads (`spawn_blocking`, threads of the program's own) takes the lock of
        // `std::env`. What remains is C code on other threads that calls `getenv`; the documentation of
        // `Runtime::without_trace_variable` names it, and AWS's own runtimes take the same risk.
        unsafe {
            match value {
                Some(value) => env::set_var(TRACE_ID, value),
                None => env::remove_var(TRACE_ID),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn several_threads_leave_it_alone() {
        assert!(!TraceVariable::new(true).is_set);
    }

    /// The only test of this binary that sets the variable.
    #[tokio::test]
    async fn variable_follows_the_invocations() {
        TraceVariable::new(false).set(Some("Root=0"));
        assert_eq!(env::var(TRACE_ID).ok(), None);
        let variable = TraceVariable::new(true);
        for trace_id in [Some("Root=1"), Some("Root=2"), None, Some("a\0b")] {
            variable.set(trace_id);
            let expected = trace_id.filter(|value| value.starts_with("Root"));
            assert_eq!(env::var(TRACE_ID).ok().as_deref(), expected);
        }
    }
}
