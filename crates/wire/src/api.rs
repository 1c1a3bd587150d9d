//! Names of the Lambda Runtime API: paths, headers and media types.
//!
//! Sources: AWS, "Using the Lambda runtime API for custom runtimes", and for headers that the page
//! does not list the source of AWS's Runtime Interface Emulator.

/// Version segment that every path of the Runtime API begins with.
pub const VERSION: &str = "/2018-06-01";

/// Path of the next invocation. GET; blocks until there is one.
pub const NEXT: &str = "/runtime/invocation/next";

/// Path in front of a request id, which [`RESPONSE`] or [`ERROR`] follows. POST.
pub const INVOCATION: &str = "/runtime/invocation/";

/// Path segment after the request id that sends a response.
pub const RESPONSE: &str = "/response";

/// Path segment after the request id that fails an invocation before its head was sent.
pub const ERROR: &str = "/error";

/// Path that reports a failed initialization. POST; the process exits afterwards.
pub const INIT_ERROR: &str = "/runtime/init/error";

/// Path of the end of an initialization under SnapStart. GET; the snapshot is taken while it
/// blocks, and the answer comes in the restored sandbox. 404 without SnapStart.
pub const RESTORE_NEXT: &str = "/runtime/restore/next";

/// Path that reports a restored sandbox which cannot go on. POST; the process exits afterwards.
pub const RESTORE_ERROR: &str = "/runtime/restore/error";

/// Id of the invocation; the only header that every event has.
pub const REQUEST_ID: &str = "lambda-runtime-aws-request-id";

/// Deadline of the invocation, in milliseconds since the Unix epoch.
pub const DEADLINE_MS: &str = "lambda-runtime-deadline-ms";

/// ARN that the function was invoked by, with its qualifier.
pub const FUNCTION_ARN: &str = "lambda-runtime-invoked-function-arn";

/// AWS X-Ray trace header.
pub const TRACE_ID: &str = "lambda-runtime-trace-id";

/// Client context of the AWS Mobile SDKs, as JSON.
pub const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";

/// Amazon Cognito identity of the AWS Mobile SDKs, as JSON.
pub const COGNITO_IDENTITY: &str = "lambda-runtime-cognito-identity";

/// Tenant of an invocation of a function with tenant isolation.
pub const TENANT_ID: &str = "lambda-runtime-aws-tenant-id";

/// Nonce of one attempt, echoed on `/response` and `/error` exactly if it was received.
///
/// The service answers 410 to a wrong echo (AWS, source of the Runtime Interface Emulator).
pub const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// All headers of an event that carry meaning.
pub const EVENT_HEADERS: [&str; 8] = [
    REQUEST_ID,
    DEADLINE_MS,
    FUNCTION_ARN,
    TRACE_ID,
    CLIENT_CONTEXT,
    COGNITO_IDENTITY,
    TENANT_ID,
    INVOCATION_ID,
];

/// Header of a `/response` that announces a streamed one, with the value [`STREAMING`].
pub const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";

/// The one legal value of [`RESPONSE_MODE`].
///
/// It is case-sensitive. The service answers anything else with 400 and accepts no further
/// invocation from this process (seen with AWS's Runtime Interface Emulator).
pub const STREAMING: &str = "streaming";

/// Error type: a header on `/error`, a trailer on `/response`.
pub const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// What AWS X-Ray shows of a failure, as JSON: a header on `/error`, optional.
///
/// Of at most [`XRAY_CAUSE_LIMIT`](crate::limits::XRAY_CAUSE_LIMIT) bytes (AWS, source of the
/// Runtime Interface Emulator).
pub const XRAY_CAUSE: &str = "lambda-runtime-function-xray-error-cause";

/// Error document in standard base64: a trailer on `/response`.
pub const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// Value of the `trailer` header of a streamed `/response`.
///
/// The service ignores trailers that this header does not announce, and hyper does not send them.
pub const TRAILER_NAMES: &str =
    "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body";

/// Content type of a body that consists of prelude, delimiter and payload.
///
/// Any other content type means a raw payload (AWS, "Configuring a Lambda function to stream
/// responses").
pub const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";

/// Content type of a raw payload that names none.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// Content type of the error document on `/error`.
pub const ERROR_JSON: &str = "application/vnd.aws.lambda.error+json";
