//! Any bytes as an event of a web app: a request or a failure, never a panic.
//!
//! `cargo +nightly fuzz run web_event fuzz/corpus/web_event tests/events -- -max_total_time=600`
#![no_main]

use lambda_stream::web::{Claims, Original, RequestContext, request};
use lambda_stream::{Context, LambdaEvent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|event: &[u8]| {
    let event = LambdaEvent::new(event.to_vec().into(), Context::new("fuzz"));
    let request = match request(event) {
        Ok(request) => request,
        Err(failure) => {
            assert_eq!(failure.error_type(), "Function.InvalidEvent");
            return;
        }
    };
    assert!(request.uri().path().starts_with('/'));
    let extensions = request.extensions();
    if let Some(context) = extensions.get::<RequestContext>() {
        let _ = (context.source_ip(), context.request_id(), context.domain_name());
        let _ = (context.stage(), context.path_parameter("proxy"), context.stage_variable("a"));
    }
    if let Some(claims) = extensions.get::<Claims>() {
        let _ = (claims.get("sub"), claims.scopes());
    }
    if let Some(original) = extensions.get::<Original>() {
        let _ = original.event();
    }
});
