use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Waker;

use super::*;
use crate::error::Error;
use crate::response::{Head, Raw};

type Item = Result<Bytes, Error>;

/// A stream that does what it is told, poll by poll, and reports being polled too often and
/// dropped.
struct Script {
    polls: std::vec::IntoIter<Act>,
    polled: Rc<Cell<usize>>,
    dropped: Rc<Cell<bool>>,
}

enum Act {
    Chunk(&'static str),
    Pending,
    Error(&'static str),
    Panic,
}
use Act::*;

impl Stream for Script {
    type Item = Item;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
        self.polled.set(self.polled.get() + 1);
        match self.polls.next() {
            Some(Chunk(text)) => Poll::Ready(Some(Ok(Bytes::from_static(text.as_bytes())))),
            Some(Pending) => Poll::Pending,
            Some(Error(text)) => Poll::Ready(Some(Err(text.into()))),
            Some(Panic) => panic!("the source is broken"),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.dropped.set(true);
    }
}

struct Seen {
    polled: Rc<Cell<usize>>,
    dropped: Rc<Cell<bool>>,
}

fn script(polls: Vec<Act>) -> (Script, Seen) {
    let (polled, dropped) = (Rc::default(), Rc::default());
    (
        Script {
            polls: polls.into_iter(),
            polled: Rc::clone(&polled),
            dropped: Rc::clone(&dropped),
        },
        Seen { polled, dropped },
    )
}

fn poll<B: Body<Data = Bytes, Error = Infallible>>(
    body: Pin<&mut B>,
) -> Poll<Option<Frame<Bytes>>> {
    let mut cx = Context::from_waker(Waker::noop());
    body.poll_frame(&mut cx)
        .map(|frame| frame.map(|frame| frame.unwrap()))
}

fn data<B: Body<Data = Bytes, Error = Infallible>>(body: Pin<&mut B>) -> Bytes {
    match poll(body) {
        Poll::Ready(Some(frame)) => frame.into_data().expect("data"),
        other => panic!("{other:?}"),
    }
}

fn error<B: Body<Data = Bytes, Error = Infallible>>(body: Pin<&mut B>) -> (String, String) {
    match poll(body) {
        Poll::Ready(Some(frame)) => {
            let trailers = frame.into_trailers().expect("trailers");
            let failure = Failure::from_trailers(&trailers).unwrap();
            (failure.error_type().to_owned(), failure.to_string())
        }
        other => panic!("{other:?}"),
    }
}

fn start<S: Stream<Item = Result<Bytes, Failure>>>(
    body: Pin<&mut Frames<S>>,
) -> Result<(), Failure> {
    body.start(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn prelude_delimiter_and_chunks_are_frames_of_their_own() {
    let (stream, seen) = script(vec![Chunk("a"), Chunk(""), Pending, Chunk("b")]);
    let mut body = pin!(Frames::new((Head::ok(), stream)));
    assert_eq!(body.content_type(), api::HTTP_INTEGRATION);
    assert_eq!(
        data(body.as_mut()),
        r#"{"statusCode":200,"headers":{},"cookies":[]}"#
    );
    assert_eq!(data(body.as_mut()), [0u8; 8][..]);
    assert_eq!(data(body.as_mut()), "a");
    assert!(poll(body.as_mut()).is_pending());
    assert_eq!(data(body.as_mut()), "b");
    assert!(!body.is_end_stream());
    for _ in 0..3 {
        assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));
        assert!(body.is_end_stream());
    }
    assert!(seen.dropped.get());
    assert_eq!(seen.polled.get(), 5);
}

#[test]
fn the_prelude_does_not_wait_for_the_first_chunk() {
    let (stream, _) = script(vec![Pending, Pending]);
    let mut body = pin!(Frames::new((Head::ok(), stream)));
    start(body.as_mut()).unwrap();
    assert!(data(body.as_mut()).starts_with(b"{"));
    assert_eq!(data(body.as_mut()), [0u8; 8][..]);
    assert!(poll(body.as_mut()).is_pending());
}

#[test]
fn an_error_at_the_first_poll_leaves_nothing_to_send() {
    for acts in [vec![Error("no"), Chunk("a")], vec![Panic, Chunk("a")]] {
        let (stream, seen) = script(acts);
        let mut body = pin!(Frames::new((Head::ok(), stream)));
        start(body.as_mut()).unwrap_err();
        assert!(seen.dropped.get());
        assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));
        assert_eq!(seen.polled.get(), 1);
    }
}

#[test]
fn an_error_at_the_first_poll_is_trailers_when_nobody_asked_before() {
    let (stream, _) = script(vec![Error("no")]);
    let mut body = pin!(Frames::new((Head::ok(), stream)));
    assert_eq!(error(body.as_mut()).1, "no");
    assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));
}

#[test]
fn a_stream_error_becomes_trailers_and_the_stream_is_not_polled_again() {
    let (stream, seen) = script(vec![Chunk("a"), Error("no tokens"), Chunk("b")]);
    let mut body = pin!(Frames::new(Raw(stream)));
    assert_eq!(data(body.as_mut()), "a");
    let (error_type, message) = error(body.as_mut());
    assert_eq!((&*error_type, &*message), ("Function.Error", "no tokens"));
    assert!(seen.dropped.get());
    for _ in 0..3 {
        assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));
    }
    assert!(body.is_end_stream());
    assert_eq!(seen.polled.get(), 2);
}

#[test]
fn a_limit_becomes_trailers_and_the_stream_is_dropped_at_once() {
    let (stream, seen) = script(vec![Chunk("12"), Chunk("345"), Chunk("6")]);
    let response = Raw(stream).into_response();
    let mut body = pin!(Frames::from_response(response, SizeLimit::new(4)));
    assert_eq!(data(body.as_mut()), "12");
    let (error_type, message) = error(body.as_mut());
    assert_eq!(error_type, "Function.ResponseSizeTooLarge");
    assert!(message.contains("4 bytes") && message.ends_with('5'));
    assert!(seen.dropped.get());
    assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));
    assert_eq!(seen.polled.get(), 2);
}

#[test]
fn a_panic_becomes_trailers_and_the_stream_is_not_polled_again() {
    let (stream, seen) = script(vec![Chunk("a"), Panic, Chunk("b")]);
    let mut body = pin!(Frames::new(Raw(stream)));
    assert_eq!(data(body.as_mut()), "a");
    let (error_type, message) = error(body.as_mut());
    assert_eq!(error_type, "Function.Panic");
    assert_eq!(message, "panicked: the source is broken");
    assert!(seen.dropped.get());
    assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));
    assert_eq!(seen.polled.get(), 2);
}

#[test]
fn a_panic_in_drop_becomes_trailers() {
    struct Bomb(Script);
    impl Stream for Bomb {
        type Item = Item;
        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
            Pin::new(&mut self.0).poll_next(cx)
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let (stream, _) = script(vec![Chunk("a")]);
    let mut body = pin!(Frames::new(Raw(Bomb(stream))));
    assert_eq!(data(body.as_mut()), "a");
    assert_eq!(error(body.as_mut()).1, "panicked: in drop");
    assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));
}

#[test]
fn a_status_without_body_drops_the_stream_unpolled() {
    for status in [204, 304] {
        let (stream, seen) = script(vec![Pending]);
        let mut body = pin!(Frames::new((Head::new(status), stream)));
        start(body.as_mut()).unwrap();
        assert!(seen.dropped.get());
        assert_eq!(seen.polled.get(), 0);
        let prelude = data(body.as_mut());
        assert!(!prelude.windows(14).any(|w| w == b"content-length"));
        assert_eq!(data(body.as_mut()), [0u8; 8][..]);
        assert!(body.is_end_stream());
        assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));
    }
}

#[test]
fn an_empty_stream_is_known_to_be_empty_when_the_head_goes_out() {
    let stream = futures::stream::iter([Ok::<_, Failure>(Bytes::new())]);
    let mut body = pin!(Frames::new((Head::new(302), stream)));
    let prelude = data(body.as_mut());
    assert!(prelude.windows(20).any(|w| w == br#""content-length":"0""#));
    assert_eq!(data(body.as_mut()), [0u8; 8][..]);
    assert!(body.is_end_stream());
}

#[test]
fn a_head_that_cannot_be_sent_fails_before_anything_is_framed() {
    let (stream, seen) = script(vec![Chunk("a")]);
    let mut body = pin!(Frames::new((Head::new(7), stream)));
    let failure = start(body.as_mut()).unwrap_err();
    assert_eq!(failure.error_type(), "Function.InvalidHead");
    assert!(failure.to_string().contains('7'));
    assert!(seen.dropped.get());
    assert!(body.is_end_stream());
}

#[test]
fn failing_from_outside_keeps_the_prelude_whole() {
    let (stream, seen) = script(vec![Pending, Chunk("a")]);
    let mut body = pin!(Frames::new((Head::ok(), stream)));
    start(body.as_mut()).unwrap();
    body.as_mut().fail(Failure::new("Late", "too late"));
    assert!(seen.dropped.get());
    assert!(data(body.as_mut()).starts_with(b"{"));
    assert_eq!(data(body.as_mut()), [0u8; 8][..]);
    assert_eq!(error(body.as_mut()).0, "Function.Late");
    body.as_mut().fail(Failure::new("Later", "twice"));
    assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));
    assert_eq!(body.failure().unwrap().error_type(), "Function.Late");
}

#[test]
fn a_stream_of_nothing_but_empty_chunks_gives_others_a_turn() {
    struct Empty;
    impl Stream for Empty {
        type Item = Item;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
            Poll::Ready(Some(Ok(Bytes::new())))
        }
    }
    let mut body = pin!(Frames::new(Raw(Empty)));
    assert!(poll(body.as_mut()).is_pending());
}

#[test]
fn a_body_is_a_payload_without_its_own_trailers() {
    use http_body_util::{BodyExt, Full, StreamBody};

    let mut trailers = http::HeaderMap::new();
    trailers.insert("x", "y".parse().unwrap());
    let frames = vec![
        Ok::<_, Infallible>(Frame::data(Bytes::from("a"))),
        Ok(Frame::trailers(trailers)),
    ];
    let body = StreamBody::new(tokio_stream::iter(frames));
    let mut body = pin!(Frames::new(http::Response::new(body.boxed())));
    assert!(data(body.as_mut()).starts_with(b"{"));
    assert_eq!(data(body.as_mut()), [0u8; 8][..]);
    assert_eq!(data(body.as_mut()), "a");
    assert!(matches!(poll(body.as_mut()), Poll::Ready(None)));

    let full = http::Response::builder()
        .status(201)
        .body(Full::<Bytes>::from("b"))
        .unwrap();
    let mut body = pin!(Frames::new(full));
    assert!(data(body.as_mut()).starts_with(br#"{"statusCode":201"#));
    assert_eq!(data(body.as_mut()), [0u8; 8][..]);
    assert_eq!(data(body.as_mut()), "b");
}
