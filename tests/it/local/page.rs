//! The page `/_lambda/` of the local Lambda, as JSON and as a feed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_stream::local::Server;
use serde_json::{Value, json};

use super::{assert_serves, hand_out, respond_to_client};
use crate::support::local::{
    Program, RawClient, ResponseHead, client, failed_end, framed, invoke, post, request, server,
};

const JSON: &str = "content-type: application/json\r\n";

/// Returns the document at a path below the page's.
async fn get(server: &Server, path: &str) -> Value {
    let mut client = request(server, "GET", &format!("/_lambda/{path}")).await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 200, "{path}");
    serde_json::from_slice(&body).unwrap()
}

async fn send(server: &Server, path: &str, headers: &str, body: &str) -> (ResponseHead, Value) {
    let mut client = client(server).await;
    let path = format!("/_lambda/{path}");
    client.write(post(&path, headers, body)).await;
    let (head, body) = client.response().await;
    (head, serde_json::from_slice(&body).unwrap())
}

/// The feed of the page, with one invocation in full.
struct Feed {
    client: RawClient,
    text: String,
}

impl Feed {
    async fn open(server: &Server, key: &str) -> Self {
        let path = format!("/_lambda/events?invocation={key}");
        let mut client = request(server, "GET", &path).await;
        let head = client.head().await;
        assert_eq!(head.get("content-type"), Some("text/event-stream"));
        let text = String::new();
        Self { client, text }
    }

    /// Returns the next event.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (name, data) = event.split_once('\n').unwrap();
                let name = name.strip_prefix("event: ").unwrap().to_owned();
                let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                self.text = rest.to_owned();
                return (name, data);
            }
            let chunk = self.client.chunk().await.unwrap();
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// Reads updates of the invocation until one fits.
    async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (name, data) = self.next().await;
            if name == "invocation" && fits(&data) {
                return data;
            }
        }
    }

    /// Reads updates until the invocation has ended.
    async fn ended(&mut self) -> Value {
        self.until(|it| {
            !["waiting", "working", "responding"].contains(&it["state"].as_str().unwrap())
        })
        .await
    }
}

fn payload(invocation: &Value) -> Vec<u8> {
    let base64 = invocation["payload"]["base64"].as_str().unwrap();
    STANDARD.decode(base64).unwrap()
}

#[tokio::test]
async fn feed_follows_a_response_as_it_grows() {
    let server = server();
    let (_client, mut program, invocation) = hand_out(&server, r#"{"n":1}"#).await;
    let mut feed = Feed::open(&server, "1").await;
    let (name, overview) = feed.next().await;
    assert_eq!(
        (name.as_str(), &overview["kept"]),
        ("overview", &json!([1]))
    );
    let working = feed.until(|it| it["state"] == "working").await;
    assert_eq!(working["requestId"], invocation.id());
    assert_eq!(working["request"], "POST /invoke");
    assert_eq!(working["event"], json!({"bytes": 7, "kept": 7}));
    program.begin(invocation.id()).await;
    let prelude = r#"{"statusCode":418,"headers":{"x":"1"},"cookies":["a=1"]}"#;
    program.chunk(framed(prelude, b"one\n")).await;
    let first = feed.until(|it| it["chunks"] == 1).await;
    assert_eq!(first["state"], "responding");
    assert_eq!(first["head"]["status"], 418);
    assert_eq!(
        first["head"]["headers"],
        json!([["x", "1"], ["set-cookie", "a=1"]])
    );
    assert_eq!(payload(&first), b"one\n");
    program.chunk("two\n").await;
    let second = feed.until(|it| it["chunks"] == 2).await;
    assert_eq!(
        (payload(&second), &second["payload"]["from"]),
        (b"two\n".to_vec(), &json!(4))
    );
    assert!(
        second["timeline"]["longestGap"]["lengthMs"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    program.end().await;
    assert_eq!(feed.ended().await["state"], "complete");
    let whole = get(&server, &format!("invocations/{}", invocation.id())).await;
    assert_eq!(payload(&whole), b"one\ntwo\n");
    assert_eq!(whole["timeline"]["marks"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn error_in_trailers_is_decoded() {
    let server = server();
    let (_client, mut program) = respond_to_client(&server).await;
    let mut feed = Feed::open(&server, "1").await;
    program.chunk(framed("{}", b"x")).await;
    let document = r#"{"errorMessage":"no tokens left","errorType":"Function.Quota"}"#;
    let end = failed_end("Function.Quota", &STANDARD.encode(document));
    program.0.write(end).await;
    let failed = feed.ended().await;
    assert_eq!(failed["state"], "failed");
    assert_eq!(failed["status"], 200);
    let error = json!({"type": "Function.Quota", "message": "no tokens left"});
    assert_eq!(failed["error"], error);
    let trailer = &failed["trailers"][0];
    assert_eq!(
        trailer,
        &json!(["lambda-runtime-function-error-type", "Function.Quota"])
    );
    let decoded: Value = serde_json::from_str(failed["errorDocument"].as_str().unwrap()).unwrap();
    assert_eq!(decoded["errorMessage"], "no tokens left");
}

#[tokio::test]
async fn failure_before_the_head_has_a_status() {
    let server = server();
    let (_client, mut program, invocation) = hand_out(&server, "1").await;
    let mut feed = Feed::open(&server, "1").await;
    let path = format!("invocation/{}/error", invocation.id());
    let error = r#"{"errorMessage":"no","errorType":"Function.No"}"#;
    program
        .post(
            &path,
            "lambda-runtime-function-error-type: Function.No\r\n",
            error,
        )
        .await;
    let failed = feed.ended().await;
    assert_eq!(
        (&failed["state"], &failed["status"]),
        (&json!("failed"), &json!(502))
    );
    assert_eq!(
        (&failed["head"], &failed["chunks"]),
        (&json!(null), &json!(0))
    );
}

#[tokio::test]
async fn client_that_leaves_is_shown() {
    let server = server();
    let (mut client, mut program) = respond_to_client(&server).await;
    let mut feed = Feed::open(&server, "1").await;
    program.chunk(framed("{}", b"x")).await;
    client.head().await;
    drop(client);
    assert_eq!(feed.ended().await["state"], "left");
}

#[tokio::test]
async fn prelude_within_the_payload_of_an_sdk_becomes_the_head() {
    let server = server();
    for (path, door, request) in [
        (
            "/2021-11-15/functions/f/response-streaming-invocations",
            "streaming-invoke-api",
            "InvokeWithResponseStream f",
        ),
        (
            "/2015-03-31/functions/f/invocations",
            "invoke-api",
            "Invoke f",
        ),
    ] {
        let mut client = client(&server).await;
        client.write(post(path, "", "1")).await;
        let mut program = Program::connect(&server).await;
        let invocation = program.next().await;
        program
            .respond(invocation.id(), r#"{"statusCode":201}"#, b"hi")
            .await;
        let mut feed = Feed::open(&server, invocation.id()).await;
        let ended = feed.ended().await;
        assert_eq!(
            (&ended["door"], &ended["state"]),
            (&json!(door), &json!("complete"))
        );
        assert_eq!(
            (&ended["status"], &ended["head"]["status"]),
            (&json!(200), &json!(201))
        );
        assert_eq!(payload(&ended), b"hi");
        assert_eq!(
            (&ended["request"], &ended["headInPayload"]),
            (&json!(request), &json!(true))
        );
    }
}

#[tokio::test]
async fn event_is_sent_again_unchanged() {
    let server = server();
    let mut client = request(&server, "GET", "/path?a=1").await;
    let mut program = Program::connect(&server).await;
    let first = program.next().await;
    program.respond(first.id(), "{}", b"ok").await;
    client.response().await;
    let (head, sent) = send(&server, "invocations/1/resend", JSON, "").await;
    assert_eq!((head.status, &sent["number"]), (202, &json!(2)));
    let second = program.next().await;
    assert_eq!(second.event, first.event);
    assert_eq!(sent["requestId"], second.id());
    program
        .respond(second.id(), r#"{"statusCode":201}"#, b"again")
        .await;
    let shown = Feed::open(&server, "2").await.ended().await;
    assert_eq!(shown["repeats"], 1);
    assert_eq!(
        (&shown["door"], &shown["request"]),
        (&json!("function-url"), &json!("page: GET /path"))
    );
    assert_eq!(
        (&shown["status"], payload(&shown)),
        (&json!(201), b"again".to_vec())
    );
    let (head, _) = send(&server, "invocations/99/resend", JSON, "").await;
    assert_eq!(head.status, 404);
}

#[tokio::test]
async fn sample_of_each_door_is_an_event() {
    let server = server();
    let samples = get(&server, "samples").await;
    let mut program = Program::connect(&server).await;
    for (door, request) in [
        ("function-url", "page: POST /"),
        ("api-gateway", "page: POST /hello"),
        ("invoke", "page: POST /invoke"),
    ] {
        let event = samples[door].to_string();
        let path = format!("invocations?door={door}");
        let (head, sent) = send(&server, &path, JSON, &event).await;
        assert_eq!(head.status, 202, "{door}");
        let invocation = program.next().await;
        assert_eq!(invocation.event, event);
        program
            .respond(invocation.id(), r#"{"statusCode":204}"#, b"")
            .await;
        let shown = Feed::open(&server, &sent["number"].to_string())
            .await
            .ended()
            .await;
        assert_eq!(
            (&shown["door"], &shown["request"]),
            (&json!(door), &json!(request))
        );
        assert_eq!(
            (&shown["state"], &shown["status"]),
            (&json!("complete"), &json!(204))
        );
    }
    let (head, refusal) = send(&server, "invocations?door=invoke", JSON, "{").await;
    assert_eq!(head.status, 400);
    assert!(
        refusal["errorMessage"]
            .as_str()
            .unwrap()
            .contains("not JSON"),
        "{refusal}"
    );
}

#[tokio::test]
async fn other_sites_do_not_reach_the_page() {
    let server = server();
    for path in ["", "invocations", "events", "invocations/1/payload"] {
        for headers in [
            "host: evil.example\r\n",
            "host: localhost\r\norigin: https://evil.example\r\n",
            "host: localhost\r\nsec-fetch-site: cross-site\r\n",
        ] {
            let mut client = client(&server).await;
            client
                .write(format!("GET /_lambda/{path} HTTP/1.1\r\n{headers}\r\n"))
                .await;
            assert_eq!(client.head().await.status, 403, "{path} {headers}");
        }
    }
    for (headers, status) in [
        (
            "origin: https://evil.example\r\ncontent-type: application/json\r\n",
            403,
        ),
        ("origin: null\r\ncontent-type: application/json\r\n", 403),
        // What a form can send without asking first is not taken even from this machine.
        ("content-type: text/plain\r\n", 415),
        ("", 415),
    ] {
        for path in ["invocations?door=invoke", "invocations/1/resend"] {
            let (head, _) = send(&server, path, headers, "1").await;
            assert_eq!(head.status, status, "{path} {headers}");
        }
    }
    assert_eq!(get(&server, "invocations").await["kept"], json!([]));
    assert_serves(&server).await;
}

#[tokio::test]
async fn page_may_load_only_its_own_files() {
    let server = server();
    for (path, content_type) in [
        ("", "text/html; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("invocations", "application/json"),
    ] {
        let mut client = request(&server, "GET", &format!("/_lambda/{path}")).await;
        let (head, body) = client.response().await;
        assert_eq!(head.status, 200);
        assert_eq!(head.get("content-type"), Some(content_type));
        assert_eq!(head.get("x-content-type-options"), Some("nosniff"));
        let policy = head.get("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        let text = String::from_utf8(body).unwrap();
        let foreign = text.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !foreign.contains("http://") && !foreign.contains("https://"),
            "{path}"
        );
    }
    let mut client = request(&server, "GET", "/_lambda").await;
    assert_eq!(client.head().await.get("location"), Some("/_lambda/"));
}

#[tokio::test]
async fn payload_of_a_function_is_never_a_page() {
    let server = server();
    let (_client, mut program, invocation) = hand_out(&server, "1").await;
    let html = r#"{"headers":{"content-type":"text/html"}}"#;
    program.respond(invocation.id(), html, b"<script>").await;
    for (path, body) in [("payload", &b"<script>"[..]), ("event", b"1")] {
        let path = format!("/_lambda/invocations/1/{path}");
        let (head, kept) = request(&server, "GET", &path).await.response().await;
        assert_eq!(head.get("content-type"), Some("application/octet-stream"));
        assert_eq!(kept, body);
    }
}

#[tokio::test]
async fn kept_invocations_and_bytes_are_bounded() {
    let options = Server::builder().address("127.0.0.1:0");
    let server = options.keep_invocations(2).keep_bytes(4).start().unwrap();
    let mut program = Program::connect(&server).await;
    for _ in 0..3 {
        let mut client = invoke(&server, r#""123""#).await;
        let invocation = program.next().await;
        program.respond(invocation.id(), "{}", &[b'x'; 100]).await;
        client.response().await;
    }
    let overview = get(&server, "invocations").await;
    assert_eq!(overview["kept"], json!([3, 2]));
    assert_eq!(overview["limits"], json!({"invocations": 2, "bytes": 4}));
    let shown = get(&server, "invocations/3").await;
    assert_eq!(
        (payload(&shown), &shown["payload"]["bytes"]),
        (b"xxxx".to_vec(), &json!(100))
    );
    assert_eq!(shown["event"], json!({"bytes": 5, "kept": 4}));
    let (head, refusal) = send(&server, "invocations/3/resend", JSON, "").await;
    assert_eq!(head.status, 409);
    assert!(
        refusal["errorMessage"]
            .as_str()
            .unwrap()
            .contains("--keep-bytes"),
        "{refusal}"
    );
}

#[tokio::test]
async fn nothing_is_kept_when_it_is_turned_off() {
    let options = Server::builder().address("127.0.0.1:0");
    let server = options.keep_invocations(0).start().unwrap();
    assert_serves(&server).await;
    assert_eq!(get(&server, "invocations").await["kept"], json!([]));
}

#[tokio::test]
async fn output_of_a_program_started_elsewhere_is_not_seen() {
    let server = server();
    let (_client, _program, _) = hand_out(&server, "1").await;
    let shown = Feed::open(&server, "1")
        .await
        .until(|it| it["state"] == "working")
        .await;
    assert_eq!(shown["log"]["captured"], false);
}

#[tokio::test]
async fn host_of_a_function_has_all_paths() {
    let server = server();
    let mut client = client(&server).await;
    let host = "host: f.lambda-url.localhost";
    client
        .write(format!("GET /_lambda/ HTTP/1.1\r\n{host}\r\n\r\n"))
        .await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert!(
        invocation.event.contains(r#""rawPath":"/_lambda/""#),
        "{}",
        invocation.event
    );
}
