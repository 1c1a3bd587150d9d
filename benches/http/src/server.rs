//! The Runtime API of all peers. It reads and checks every response.

use std::cell::{Cell, OnceCell, RefCell};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::{Cost, Error, ROUND, WARM_UP, processor_time};

const EVENT: &str = include_str!("../../../tests/events/function-url-iam.json");

/// The JSON that a response has to contain, as it is or as a string in a document.
const ANSWERS: [&[u8]; 2] = [br#"{"n":12,"square":144}"#, br#"{\"n\":12,\"square\":144}"#];

pub struct Server(TcpListener);

/// State of one peer.
struct State {
    event: Bytes,
    process: u32,
    served: Cell<u32>,
    first: OnceCell<Instant>,
    /// Invocations served before the measurement, its beginning, and the processor time before it.
    began: Cell<Option<(u32, Instant, Duration)>>,
    done: RefCell<Option<oneshot::Sender<Result<Cost, String>>>>,
}

impl Server {
    pub async fn bind() -> Result<Self, Error> {
        Ok(Self(TcpListener::bind("127.0.0.1:0").await?))
    }

    pub fn address(&self) -> Result<SocketAddr, Error> {
        Ok(self.0.local_addr()?)
    }

    /// Hands out invocations to this process, and measures those after the warm-up.
    pub async fn measure(self, process: u32) -> Result<Cost, Error> {
        let (done, is_done) = oneshot::channel();
        let state = Rc::new(State {
            event: EVENT.replace("/numbers", "/api/squares/12").into(),
            process,
            served: Cell::new(0),
            first: OnceCell::new(),
            began: Cell::new(None),
            done: RefCell::new(Some(done)),
        });
        let tasks = LocalSet::new();
        tasks.spawn_local(async move {
            while let Ok((stream, _)) = self.0.accept().await {
                let _ = stream.set_nodelay(true);
                let state = Rc::clone(&state);
                let service = service_fn(move |request| {
                    let state = Rc::clone(&state);
                    async move { Ok::<_, Infallible>(state.answer(request).await) }
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::task::spawn_local(connection);
            }
        });
        Ok(tasks.run_until(is_done).await??)
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() == Method::GET {
            return self.next();
        }
        let is_error = !request.uri().path().ends_with("/response");
        let body = match request.into_body().collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => error.to_string().into(),
        };
        let is_right = |answer: &&[u8]| body.windows(answer.len()).any(|window| window == *answer);
        if is_error || !ANSWERS.iter().any(is_right) {
            self.end(Err(String::from_utf8_lossy(&body).into_owned()));
        }
        let mut response = Response::new(Full::from(r#"{"status":"OK"}"#));
        *response.status_mut() = StatusCode::ACCEPTED;
        response
    }

    fn next(&self) -> Response<Full<Bytes>> {
        let served = self.served.get();
        self.served.set(served + 1);
        let first = *self.first.get_or_init(Instant::now);
        match self.began.get() {
            None if first.elapsed() >= WARM_UP => {
                let began = (served, Instant::now(), processor_time(self.process));
                self.began.set(Some(began));
            }
            Some((before, began, processor)) if began.elapsed() >= ROUND => self.end(Ok(Cost {
                wall: began.elapsed() / (served - before),
                processor: (processor_time(self.process) - processor) / (served - before),
            })),
            _ => {}
        }
        let response = Response::builder()
            .header("lambda-runtime-aws-request-id", format!("id-{served}"))
            .header("lambda-runtime-deadline-ms", "4102444800000")
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:1:function:bench",
            )
            .header(
                "lambda-runtime-trace-id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
            );
        response
            .body(Full::from(self.event.clone()))
            .unwrap_or_default()
    }

    fn end(&self, end: Result<Cost, String>) {
        if let Some(done) = self.done.borrow_mut().take() {
            let _ = done.send(end);
        }
    }
}
