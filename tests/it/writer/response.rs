//! Heads, bodies and failures of responses that are written.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use lambda_stream::body::writer::{Closed, ResponseWriter};
use lambda_stream::{Error, Failure, Head, LambdaEvent, Runtime};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::{Guard, begin, dropped, write, write_with};
use crate::support::header;

#[tokio::test]
async fn writer_streams_head_and_chunks() {
    let log = RefCell::new(Vec::new());
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut file: &[u8] = b"1,ada\n2,grace\n";
        let mut body = response.send_head(Head::ok().content_type("text/csv"))?;
        body.send_chunk(Bytes::from_static(b"id,name\n")).await?;
        tokio::io::copy(&mut file, &mut body).await?;
        body.finish().await?;
        log.borrow_mut().push("audited");
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = begin(&api).await;
        assert_eq!(
            peer.prelude().await,
            r#"{"statusCode":200,"headers":{"content-type":"text/csv"},"cookies":[]}"#
        );
        assert_eq!(peer.payload(22).await, "id,name\n1,ada\n2,grace\n");
        assert_eq!(peer.rest().await, b"");
        peer.accepted().await;
        peer.expect_next().await;
        assert_eq!(*log.borrow(), ["audited"], "before the next invocation");
    })
    .await;
}

/// An error before anything has left is posted to `/error`; a later one becomes trailers.
#[tokio::test]
async fn handler_error_becomes_error_or_trailers() {
    let handler = async |event: LambdaEvent<Value>, response: ResponseWriter| {
        let case = event.payload.as_str().unwrap().to_owned();
        let fail = |at: &str| match case == at {
            true => Err(Failure::new("Quota", at)),
            false => Ok(()),
        };
        fail("before the head")?;
        let mut body = response.send_head(Head::ok())?;
        fail("before anything has left")?;
        body.send_chunk("one").await?;
        fail("after a chunk")?;
        assert!(case != "panic", "broken");
        if case == "finish_with_error" {
            let failure = Failure::new("Quota", "finish_with_error");
            body.finish_with_error(failure).await?;
            return Ok(());
        }
        body.finish().await?;
        fail("after the end")?;
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = api.accept().await;
        for case in ["before the head", "before anything has left"] {
            peer.invoke("1", &format!("{case:?}")).await;
            let (head, document) = peer.error("invocation/1/error").await;
            assert_eq!(
                header(&head, "Lambda-Runtime-Function-Error-Type"),
                "Function.Quota"
            );
            assert_eq!(document["errorMessage"], case);
            peer.accepted().await;
        }
        for case in ["after a chunk", "finish_with_error", "panic"] {
            peer.invoke("1", &format!("{case:?}")).await;
            peer.response_head("1").await;
            peer.prelude().await;
            assert_eq!(peer.text_chunk().await, "one");
            let (error_type, document) = peer.trailers().await;
            match case {
                "panic" => assert_eq!(error_type, "Function.Panic"),
                _ => assert_eq!(document["errorMessage"], case),
            }
            peer.accepted().await;
        }
        peer.invoke("1", "\"after the end\"").await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"one", "logged, not sent");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn missing_head_is_an_error() {
    let handler =
        async |_: LambdaEvent<Value>, _: ResponseWriter| Ok::<_, std::convert::Infallible>(());
    write(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let (_, document) = peer.error("invocation/1/error").await;
        assert_eq!(document["errorType"], "Function.NoHead");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn invalid_head_drops_the_handler() {
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::new(99))?;
        body.send_chunk("never sent").await?;
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let (_, document) = peer.error("invocation/1/error").await;
        assert_eq!(document["errorType"], "Function.InvalidHead");
    })
    .await;
}

#[tokio::test]
async fn response_without_head_is_raw() {
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let body = response.without_head("application/json")?;
        body.finish_with_chunk("{}").await
    };
    write(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let head = peer.response_head("1").await;
        assert_eq!(header(&head, "Content-Type"), "application/json");
        assert_eq!(peer.rest().await, b"{}");
    })
    .await;
}

#[tokio::test]
async fn disconnect_or_rejection_drops_the_handler() {
    let drops = Rc::new(Cell::new(0));
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let _guard = Guard(Rc::clone(&drops));
        let body = response.send_head(Head::ok())?;
        std::future::pending::<()>().await;
        body.finish().await
    };
    write(handler, async |api| {
        let mut peer = begin(&api).await;
        peer.prelude().await;
        drop(peer);
        dropped(&drops, 1).await;
        let mut peer = begin(&api).await;
        peer.prelude().await;
        peer.reply("410 Gone", "").await;
        dropped(&drops, 2).await;
        begin(&api).await;
    })
    .await;
}

#[tokio::test]
async fn deadline_drops_the_handler() {
    let drops = Rc::new(Cell::new(0));
    let handler = async |event: LambdaEvent<Value>, response: ResponseWriter| {
        let _guard = Guard(Rc::clone(&drops));
        if event.payload == "no head" {
            std::future::pending::<()>().await;
        }
        let mut body = response.send_head(Head::ok())?;
        body.send_chunk("one").await?;
        std::future::pending::<()>().await;
        body.finish().await
    };
    let at = std::time::SystemTime::now() + Duration::from_millis(400);
    let ms = at
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let deadline = format!("Lambda-Runtime-Deadline-Ms: {ms}\r\n");
    let runtime = Runtime::new().deadline_margin(Duration::from_secs(60));
    write_with(runtime, handler, async |api| {
        let mut peer = api.accept().await;
        peer.invoke_with("1", "{}", &deadline).await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        assert_eq!(peer.trailers().await.0, "Function.DeadlineExceeded");
        dropped(&drops, 1).await;
        peer.accepted().await;
        peer.invoke_with("2", "\"no head\"", &deadline).await;
        let (_, document) = peer.error("invocation/2/error").await;
        assert_eq!(document["errorType"], "Function.DeadlineExceeded");
        dropped(&drops, 2).await;
    })
    .await;
}

/// It fails once its handler has returned.
#[tokio::test]
async fn writer_moves_between_tasks() {
    let late = Rc::new(RefCell::new(None));
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        let task = tokio::spawn(async move {
            body.send_chunk("from another task").await?;
            Ok::<_, Closed>(body)
        });
        *late.borrow_mut() = Some(task.await.unwrap()?);
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = begin(&api).await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"from another task");
        peer.accepted().await;
        peer.expect_next().await;
        let mut body = late.borrow_mut().take().unwrap();
        assert!(body.send_chunk("late").await.is_err());
        let error = body.write_all(b"late").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        assert!(body.finish().await.is_err());
    })
    .await;
}

#[tokio::test]
async fn response_limit_drops_the_handler() {
    let is_over = Cell::new(false);
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        for chunk in ["123", "456", "7"] {
            body.send_chunk(Bytes::from(chunk)).await?;
        }
        is_over.set(true);
        Ok::<_, Error>(())
    };
    let runtime = Runtime::new().response_limit(5);
    write_with(runtime, handler, async |api| {
        let mut peer = begin(&api).await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "123");
        assert_eq!(peer.trailers().await.0, "Function.ResponseSizeTooLarge");
        peer.accepted().await;
        peer.expect_next().await;
        assert!(!is_over.get(), "the handler is dropped");
    })
    .await;
}
