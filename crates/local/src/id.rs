//! Request ids, trace ids and times as the service writes them.

use std::time::SystemTime;

use uuid::Uuid;

/// Returns a new request id: a version 4 UUID.
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// Returns a trace header that asks for no sampling, in the form of AWS X-Ray.
pub(crate) fn trace_id(now: SystemTime) -> String {
    let (root, parent) = (Uuid::new_v4().as_u128(), Uuid::new_v4().as_u128());
    format!(
        "Root=1-{:08x}-{:024x};Parent={:016x};Sampled=0",
        epoch_ms(now) / 1000,
        root >> 32,
        parent >> 64,
    )
}

/// Returns milliseconds since 1970; 0 for times before.
pub fn epoch_ms(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_id_has_the_form_of_x_ray() {
        let trace = trace_id(SystemTime::now());
        let lengths: Vec<usize> = trace.split([';', '-', '=']).map(str::len).collect();
        assert_eq!(lengths, [4, 1, 8, 24, 6, 16, 7, 1], "{trace}");
    }
}
