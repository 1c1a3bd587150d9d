//! Set-up: where the Runtime API is, and what happens when there is none.

mod support;

use lambda_stream::{Error, Failure, LambdaEvent, Raw, Runtime};
use serde_json::Value;
use support::{Api, header, patiently, texts};

async fn handler(
    _: LambdaEvent<Value>,
) -> Result<Raw<impl futures::Stream<Item = support::Item>>, Error> {
    Ok(Raw(texts(["x"])))
}

#[tokio::test]
async fn a_malformed_runtime_api_is_an_error_that_names_variable_and_value() {
    let error = Runtime::new()
        .runtime_api("no-port")
        .run(handler)
        .await
        .unwrap_err();
    assert!(error.is_configuration());
    let text = error.to_string();
    assert!(text.contains("Runtime::runtime_api") && text.contains("no-port"));
}

#[tokio::test]
async fn a_runtime_api_that_is_not_there_is_tried_again_and_then_given_up() {
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
async fn a_url_with_a_path_is_taken_too() {
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(format!("http://{}/.rt", api.address()));
    patiently(async {
        tokio::select! {
            ended = runtime.run(handler) => panic!("{ended:?}"),
            () = async {
                let head = api.accept().await.head().await;
                assert!(head.starts_with("GET /.rt/2018-06-01/runtime/invocation/next "), "{head}");
            } => {}
        }
    })
    .await;
}

#[tokio::test]
async fn a_set_up_that_fails_or_panics_is_an_init_error() {
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
        let failure: &Failure = std::error::Error::source(&ended)
            .unwrap()
            .downcast_ref()
            .unwrap();
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
async fn a_set_up_that_succeeds_gives_the_handler() {
    let api = Api::bind().await;
    let run = Runtime::new()
        .runtime_api(api.address())
        .run_with_setup(async || Ok::<_, Error>(handler));
    patiently(async {
        tokio::select! {
            ended = run => panic!("{ended:?}"),
            () = async {
                let mut peer = api.invoke("1", "{}").await;
                peer.response_head("1").await;
                assert_eq!(peer.rest().await, b"x");
            } => {}
        }
    })
    .await;
}
