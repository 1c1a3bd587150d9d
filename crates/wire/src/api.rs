//! Names of the Lambda Runtime API: paths, headers and media types.
//!
//! Source: AWS, "Using the Lambda runtime API for custom runtimes", and the source of AWS's Runtime
//! Interface Emulator for the headers that the page leaves out.

/// The version part every path of the Runtime API begins with.
pub const VERSION: &str = "/2018-06-01";

/// Blocks until there is an invocation. GET.
pub const NEXT: &str = "/runtime/invocation/next";

/// What stands before the request id in `/response` and `/error`. POST.
pub const INVOCATION: &str = "/runtime/invocation/";

/// Reports that the program could not be set up. POST; the process exits afterwards.
pub const INIT_ERROR: &str = "/runtime/init/error";

/// What stands behind the request id when a response is sent.
pub const RESPONSE: &str = "/response";

/// What stands behind the request id when an invocation fails before its head.
pub const ERROR: &str = "/error";

pub const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
pub const DEADLINE_MS: &str = "lambda-runtime-deadline-ms";
pub const FUNCTION_ARN: &str = "lambda-runtime-invoked-function-arn";
pub const TRACE_ID: &str = "lambda-runtime-trace-id";
pub const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
pub const COGNITO_IDENTITY: &str = "lambda-runtime-cognito-identity";
pub const TENANT_ID: &str = "lambda-runtime-aws-tenant-id";
/// A nonce of one attempt: echoed on `/response` and `/error` exactly when it was received.
pub const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// The headers of an event that mean something, all of them.
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

/// Tells the service that the response streams; see [`STREAMING`].

pub const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
/// The one value of [`RESPONSE_MODE`]: case-sensitive, anything else is answered with 400.

pub const STREAMING: &str = "streaming";

/// The error's type: a header on `/error`, a trailer on `/response`.
pub const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// The error document in standard base64: a trailer on `/response`.
pub const ERROR_BODY: &str = "lambda-runtime-function-error-body";
/// The trailers that a streamed response announces. Those that the `Trailer` header does not name are
/// dropped silently.
pub const TRAILERS: &str = "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body";

/// The body is prelude, delimiter and payload. Any other content type means a raw payload.
pub const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";
/// The content type of a raw payload that names none.
pub const OCTET_STREAM: &str = "application/octet-stream";
/// The content type of the error document on `/error`.
pub const ERROR_JSON: &str = "application/vnd.aws.lambda.error+json";
