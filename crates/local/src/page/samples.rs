//! A sample event for each door.

/// The samples as one JSON document: an object with a field for each door.
pub(super) fn document() -> String {
    format!(
        r#"{{"function-url":{},"api-gateway":{},"invoke":{}}}"#,
        include_str!("assets/function-url.json"),
        include_str!("assets/api-gateway.json"),
        include_str!("assets/invoke.json"),
    )
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::apigw::ApiGatewayProxyRequest;
    use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
    use serde_json::Value;

    use super::*;

    #[test]
    fn samples_are_events_of_their_doors() {
        let mut samples: Value = serde_json::from_str(&document()).unwrap();
        let url: LambdaFunctionUrlRequest =
            serde_json::from_value(samples["function-url"].take()).unwrap();
        assert_eq!(url.version.as_deref(), Some("2.0"));
        let gateway: ApiGatewayProxyRequest =
            serde_json::from_value(samples["api-gateway"].take()).unwrap();
        assert_eq!(gateway.request_context.stage.as_deref(), Some("prod"));
        assert!(samples["invoke"].is_object());
    }
}
