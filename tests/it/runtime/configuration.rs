//! Configuration and setup: the address of the Runtime API, and what happens without one.

use lambda_stream::{Error, Failure, LambdaEvent, Raw, Runtime};
use std::error::Error as _;

use serde_json::Value;

use crate::support::{Api, Item, header, patiently, run_until, texts};

async fn handler(_: LambdaEvent<Value>) -> Result<Raw<impl futures::Stream<Item = Item>>, Error> {
    Ok(Raw(texts(["x"])))
}

/// The error names the option and its value.
#[tokio::test]
async fn malformed_runtime_api_address_is_reported() {
    let error = Runtime::new()
        .runtime_api("no-port")
        .run(handler)
        .await
        .unwrap_err();
    assert!(error.is_configuration());
    let text = error.to_string();
    assert!(text.contains("Runtime::runtime_api") && text.contains("no-port"));
}

/// The runtime gives up in the end.
#[tokio::test]
async fn unreachable_runtime_api_is_retried() {
    let address = Api::bind().await.address();
    let began = std::time::Instant::now();
    let error = patiently(Runtime::new().runtime_api(&address).run(handler))
        .await
        .unwrap_err();
    assert!(error.is_connection());
    assert!(error.to_string().contains(&address), "{error}");
    assert!(began.elapsed().as_secs() >= 1, "given up at once");
}

#[tokio::test]
async fn runtime_api_may_be_a_url() {
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(format!("http://{}/.rt", api.address()));
    run_until(runtime.run(handler), async {
        let head = api.accept().await.head().await;
        let line = "GET /.rt/2018-06-01/runtime/invocation/next ";
        assert!(head.starts_with(line), "{head}");
    })
    .await;
}

#[tokio::test]
async fn failed_setup_posts_init_error() {
    for panics in [false, true] {
        let api = Api::bind().await;
        let run = Runtime::new()
            .runtime_api(api.address())
            .run_with_setup(async || {
                assert!(!panics, "no configuration");
                if true {
                    return Err(Failure::new("NoDatabase", "the database is not there"));
                }
                Ok(handler)
            });
        let script = async {
            let mut peer = api.accept().await;
            let (head, document) = peer.error("init/error").await;
            peer.accepted().await;
            let error_type = header(&head, "Lambda-Runtime-Function-Error-Type").to_owned();
            assert_eq!(document["errorType"], error_type);
            (error_type, document["errorMessage"].clone())
        };
        let (ended, (error_type, message)) = patiently(async { tokio::join!(run, script) }).await;
        let ended = ended.unwrap_err();
        assert!(ended.is_setup());
        let failure: &Failure = ended.source().unwrap().downcast_ref().unwrap();
        assert_eq!(failure.error_type(), error_type);
        if panics {
            assert_eq!(error_type, "Function.Panic");
            assert_eq!(message, "panicked: no configuration");
        } else {
            assert_eq!(error_type, "Function.NoDatabase");
            assert_eq!(message, "the database is not there");
        }
    }
}

#[tokio::test]
async fn setup_provides_the_handler() {
    let api = Api::bind().await;
    let run = Runtime::new()
        .runtime_api(api.address())
        .run_with_setup(async || Ok::<_, Error>(handler));
    run_until(run, async {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        assert_eq!(peer.rest().await, b"x");
    })
    .await;
}
