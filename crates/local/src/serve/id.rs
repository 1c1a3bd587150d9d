//! Request ids and trace ids.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::SystemTime;

/// A request id in the form of a version 4 UUID.
pub fn request_id() -> String {
    // The two fixed digits of a version 4 UUID: the version, and the variant's upper bits.
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0x0fff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff,
    )
}

/// A trace header that asks for no sampling, in the form of AWS X-Ray.
pub fn trace_id(now: SystemTime) -> String {
    format!(
        "Root=1-{:08x}-{:016x}{:08x};Parent={:016x};Sampled=0",
        epoch_ms(now) / 1000,
        random(),
        random() >> 32,
        random(),
    )
}

/// Milliseconds since 1970.
pub fn epoch_ms(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// Unpredictable enough for a local id: std seeds its hashers from the system's random numbers, and every
/// `RandomState` of a thread differs from the one before.
fn random() -> u64 {
    RandomState::new().hash_one(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn request_ids_look_like_uuids_and_differ() {
        let ids: HashSet<String> = (0..1000).map(|_| request_id()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            let groups: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4", "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }

    #[test]
    fn a_trace_id_has_the_form_of_x_ray() {
        let trace = trace_id(SystemTime::now());
        let lengths: Vec<usize> = trace.split([';', '-', '=']).map(str::len).collect();
        assert_eq!(lengths, [4, 1, 8, 24, 6, 16, 7, 1], "{trace}");
    }
}
