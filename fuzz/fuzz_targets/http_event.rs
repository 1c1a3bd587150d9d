//! Any bytes as an event of an HTTP front door: a request or a failure, never a panic.
//!
//! `cargo +nightly fuzz run http_event fuzz/corpus/http_event tests/events -- -max_total_time=600`
#![no_main]

use lambda_stream::web::{Claims, RequestContext, request};
use lambda_stream::{Context, LambdaEvent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|event: &[u8]| {
    let event = LambdaEvent::new(event.to_vec().into(), Context::new("fuzz"));
    let Ok(request) = request(event) else { return };
    assert!(request.uri().path().starts_with('/'));
    if let Some(context) = request.extensions().get::<RequestContext>() {
        let _ = (context.source_ip(), context.request_id(), context.domain_name());
        let _ = (context.stage(), context.path_parameter("proxy"));
    }
    if let Some(claims) = request.extensions().get::<Claims>() {
        let _ = (claims.get("sub"), claims.scopes());
    }
});
