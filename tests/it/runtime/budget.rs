//! User code that uses up the task's cooperative budget keeps nothing else from being noticed.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{self, Stream};
use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, Head, LambdaEvent, Runtime};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::coop::consume_budget;

use crate::support::{Api, Item, deadline, run_until, serve};
use crate::writer::{Guard, dropped};

/// How a poll uses up the budget.
#[derive(Debug, Clone, Copy)]
enum Use {
    Consume,
    Channel,
}

const USES: [Use; 2] = [Use::Consume, Use::Channel];

/// Goes on until the budget is used up; the task has been woken by then.
fn exhaust(how: Use, cx: &mut Context<'_>) {
    match how {
        Use::Consume => while pin!(consume_budget()).poll(cx).is_ready() {},
        Use::Channel => {
            let (sender, mut receiver) = mpsc::channel(1);
            while sender.try_send(()).is_ok() && receiver.poll_recv(cx).is_ready() {}
        }
    }
}

fn exhausting(how: Use, guard: Option<Guard>) -> impl Stream<Item = Item> {
    stream::poll_fn(move |cx| {
        let _guard = &guard;
        exhaust(how, cx);
        Poll::Pending
    })
}

#[tokio::test]
async fn deadline_ends_budget_consuming_stream() {
    for how in USES {
        let handler =
            async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), exhausting(how, None)));
        serve(handler, async |api| {
            let mut peer = api.accept().await;
            let soon = deadline(Duration::from_millis(300));
            peer.invoke_with("1", "{}", &soon).await;
            peer.response_head("1").await;
            peer.prelude().await;
            let (error_type, _) = peer.trailers().await;
            assert_eq!(error_type, "Function.DeadlineExceeded");
            peer.accepted().await;
            peer.expect_next().await;
        })
        .await;
    }
}

#[tokio::test]
async fn deadline_ends_budget_consuming_handler() {
    for how in USES {
        let handler = async |_: LambdaEvent<Value>| {
            std::future::poll_fn(|cx| {
                exhaust(how, cx);
                Poll::<()>::Pending
            })
            .await;
            Ok::<_, Error>((Head::ok(), exhausting(how, None)))
        };
        serve(handler, async |api| {
            let mut peer = api.accept().await;
            let soon = deadline(Duration::from_millis(300));
            peer.invoke_with("1", "{}", &soon).await;
            let (_, document) = peer.error("invocation/1/error").await;
            assert_eq!(document["errorType"], "Function.DeadlineExceeded");
            peer.accepted().await;
            peer.expect_next().await;
        })
        .await;
    }
}

#[tokio::test]
async fn deadline_ends_budget_consuming_writer() {
    let api = Api::bind().await;
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let _body = response.send_head(Head::ok())?;
        loop {
            consume_budget().await;
        }
        #[allow(unreachable_code)]
        Ok::<_, Error>(())
    };
    let runtime = Runtime::new().runtime_api(api.address());
    run_until(runtime.run_with_writer(handler), async {
        let mut peer = api.accept().await;
        let soon = deadline(Duration::from_millis(300));
        peer.invoke_with("1", "{}", &soon).await;
        peer.response_head("1").await;
        peer.prelude().await;
        let (error_type, _) = peer.trailers().await;
        assert_eq!(error_type, "Function.DeadlineExceeded");
    })
    .await;
}

/// The stream is dropped, and the next invocation is served.
#[tokio::test]
async fn budget_consuming_stream_does_not_hide_the_peer() {
    for how in USES {
        let drops = Rc::new(Cell::new(0));
        let handler = async |_: LambdaEvent<Value>| {
            let guard = Guard(Rc::clone(&drops));
            Ok::<_, Error>((Head::ok(), exhausting(how, Some(guard))))
        };
        serve(handler, async |api| {
            let mut peer = api.invoke("1", "{}").await;
            peer.response_head("1").await;
            peer.prelude().await;
            drop(peer);
            dropped(&drops, 1).await;
            let mut peer = api.invoke("2", "{}").await;
            peer.response_head("2").await;
            peer.prelude().await;
            peer.reply("410 Gone", r#"{"errorType":"InvokeTimeout"}"#)
                .await;
            dropped(&drops, 2).await;
            api.accept().await.expect_next().await;
        })
        .await;
    }
}
