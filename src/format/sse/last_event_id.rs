//! The last event that a client received.

use http::HeaderMap;
use serde_json::Value;

const NAME: &str = "last-event-id";

/// Returns the id of the last event that the client received, from the headers of its request.
///
/// `None` on the first connection, and if the value is not UTF-8, which the HTML standard requires.
/// The events of `aws_lambda_events` for Function URLs, API Gateway and load balancers have such
/// headers; for an event that was not decoded there is [`last_event_id_in`].
///
/// A client may send anything: treat the id as a hint, not as a permission.
///
/// ```
/// use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
/// use lambda_stream::format::sse;
/// use lambda_stream::LambdaEvent;
///
/// fn first_token(event: &LambdaEvent<LambdaFunctionUrlRequest>) -> usize {
///     let last = sse::last_event_id(&event.payload.headers);
///     last.and_then(|id| id.parse::<usize>().ok()).map_or(0, |id| id.saturating_add(1))
/// }
/// ```
pub fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(NAME)?;
    // `to_str` would reject everything beyond ASCII.
    text(std::str::from_utf8(value.as_bytes()).ok())
}

/// Returns the id of the last event that the client received, from an event of a Function URL, API
/// Gateway or load balancer that was not decoded; otherwise like [`last_event_id`].
///
/// ```
/// use lambda_stream::format::sse;
/// use serde_json::json;
///
/// let event = json!({ "headers": { "Last-Event-ID": "7" } });
/// assert_eq!(sse::last_event_id_in(&event), Some("7"));
/// ```
pub fn last_event_id_in(event: &Value) -> Option<&str> {
    // A load balancer sends either the one or the other.
    ["headers", "multiValueHeaders"]
        .into_iter()
        .find_map(|field| {
            let headers = event.get(field)?.as_object()?;
            // API Gateway keeps the case of the names that the client sent.
            let (_, value) = headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(NAME))?;
            text(value.as_str().or_else(|| value.get(0)?.as_str()))
        })
}

/// A browser without a last event sends no header, so an empty one means the same.
fn text(value: Option<&str>) -> Option<&str> {
    value.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::apigw::ApiGatewayProxyRequest;
    use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn id_is_utf8_or_none() {
        for (sent, read) in [
            (&b"7"[..], Some("7")),
            ("é 7".as_bytes(), Some("é 7")),
            (b"", None),
            (b"\xff", None),
        ] {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static(NAME),
                HeaderValue::from_bytes(sent).unwrap(),
            )]);
            assert_eq!(last_event_id(&headers), read);
        }
        assert_eq!(last_event_id(&HeaderMap::new()), None);
    }

    #[test]
    fn every_front_door_has_the_id() {
        for (event, read) in [
            (json!({"headers": {"last-event-id": "é"}}), Some("é")),
            (json!({"headers": {"Last-Event-ID": "7"}}), Some("7")),
            (
                json!({"headers": null, "multiValueHeaders": {"Last-Event-Id": ["7", "8"]}}),
                Some("7"),
            ),
            (json!({"headers": {"last-event-id": ""}}), None),
            (
                json!({"headers": {"last-event-id": 7}, "multiValueHeaders": {"last-event-id": []}}),
                None,
            ),
            (json!({"headers": ["last-event-id"]}), None),
            (json!(null), None),
        ] {
            assert_eq!(last_event_id_in(&event), read, "{event}");
        }
    }

    #[test]
    fn typed_events_keep_non_ascii_ids() {
        fn with_id(event: &str) -> Value {
            let mut event: Value = serde_json::from_str(event).unwrap();
            event["headers"]["Last-Event-ID"] = json!("é");
            event
        }

        let event = with_id(include_str!(
            "../../../examples/streaming-function-url/event.json"
        ));
        assert_eq!(last_event_id_in(&event), Some("é"));
        let event: LambdaFunctionUrlRequest = serde_json::from_value(event).unwrap();
        assert_eq!(last_event_id(&event.headers), Some("é"));

        let event = with_id(include_str!(
            "../../../examples/streaming-api-gateway/event.json"
        ));
        let event: ApiGatewayProxyRequest = serde_json::from_value(event).unwrap();
        assert_eq!(last_event_id(&event.headers), Some("é"));
    }
}
