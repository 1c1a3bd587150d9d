//! Streams that are written: `stream_from` and `channel`.

use std::cell::Cell;
use std::rc::Rc;

use futures::{SinkExt, StreamExt};
use lambda_stream::body::channel;
use lambda_stream::body::writer::{BodyWriter, stream_from};
use lambda_stream::{Error, Failure, LambdaEvent, Raw};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::Guard;
use crate::support::{patiently, serve};

#[tokio::test]
async fn writing_code_becomes_a_stream() {
    let body = stream_from(async |mut body: BodyWriter| {
        body.send_chunk("").await?;
        body.send_chunk("one").await?;
        body.flush().await?;
        body.feed("two".into()).await?;
        let parts = futures::future::join(async { 1 }, body.send_chunk("three")).await;
        parts.1?;
        body.write_all(b"four").await?;
        Err::<(), Error>("the end".into())
    });
    let items: Vec<_> = patiently(body.collect()).await;
    let texts: Vec<_> = items
        .iter()
        .map(|item| match item {
            Ok(chunk) => String::from_utf8(chunk.to_vec()).unwrap(),
            Err(error) => format!("error: {error}"),
        })
        .collect();
    assert_eq!(texts, ["one", "two", "three", "four", "error: the end"]);

    let mut body = Box::pin(stream_from(async |body: BodyWriter| {
        body.finish_with_chunk("x").await?;
        unreachable!("the stream is over");
        #[allow(unreachable_code)]
        Ok::<_, Error>(())
    }));
    assert_eq!(body.next().await.unwrap().unwrap(), "x");
    for _ in 0..3 {
        assert!(body.next().await.is_none(), "fused");
    }
}

#[tokio::test]
async fn dropped_stream_drops_writing_code() {
    let drops = Rc::new(Cell::new(0));
    let guard = Guard(Rc::clone(&drops));
    let mut body = Box::pin(stream_from(async move |mut body: BodyWriter| {
        let _guard = guard;
        loop {
            body.send_chunk("x").await?;
        }
        #[allow(unreachable_code)]
        Ok::<_, Error>(())
    }));
    assert!(body.next().await.is_some());
    drop(body);
    assert_eq!(drops.get(), 1);
}

#[tokio::test]
async fn channel_carries_chunks_between_tasks() {
    let handler = async |event: LambdaEvent<Value>| {
        let (mut sender, body) = channel(2);
        tokio::spawn(async move {
            sender.send_chunk("one").await?;
            SinkExt::send(&mut sender, "two".into()).await?;
            match event.payload.as_str().unwrap() {
                "finish" => sender.finish(),
                "fail" => {
                    sender
                        .finish_with_error(Failure::new("Quota", "none left"))
                        .await
                }
                "panic" => panic!("in another task"),
                _ => Ok(()),
            }
        });
        Ok::<_, Error>(Raw(body))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for (case, ends) in [
            ("finish", None),
            ("fail", Some("Function.Quota")),
            ("drop", Some("Function.SenderDropped")),
            ("panic", Some("Function.SenderDropped")),
        ] {
            peer.invoke("1", &format!("{case:?}")).await;
            peer.response_head("1").await;
            assert_eq!(peer.payload(6).await, "onetwo");
            match ends {
                None => assert_eq!(peer.rest().await, b""),
                Some(error_type) => assert_eq!(peer.trailers().await.0, error_type),
            }
            peer.accepted().await;
        }
    })
    .await;
}

/// The sender is told when the body is dropped.
#[tokio::test]
async fn channel_applies_backpressure() {
    let (mut sender, mut body) = channel(1);
    let sent = Rc::new(Cell::new(0));
    let send = async {
        loop {
            if sender.send_chunk("x").await.is_err() {
                return;
            }
            sent.set(sent.get() + 1);
        }
    };
    let read = async {
        tokio::task::yield_now().await;
        let ahead = sent.get();
        assert!(ahead <= 2, "{ahead} chunks wait");
        body.next().await.unwrap().unwrap();
        tokio::task::yield_now().await;
        assert!(sent.get() <= ahead + 1);
        drop(body);
    };
    patiently(async { tokio::join!(send, read) }).await;
}
