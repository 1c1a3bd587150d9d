//! An app as a handler of invocations.

use bytes::Bytes;
use futures_core::Stream;
use http::{Method, Request};

use super::app::App;
use super::body::RequestBody;
use super::buffered::{self, DocumentForm};
use super::event::{HttpEvent, Invalid, NotDecoded, is_completion};
use super::http_service::{HttpService, HttpWorker};
use super::path::PathRules;
use super::payload::AppPayload;
use super::request::from_event;
use super::response::Answer;
use crate::error::Failure;
use crate::event::{Context, LambdaEvent};
use crate::response::{IntoResponse, Response};
use crate::runtime::{Handler, HandlerMut, NotShared, Reply};

impl<S, O, M, N> Handler<(M, N)> for App<S, O>
where
    S: HttpService<M>,
    O: Handler<N>,
{
    type Worker = AppWorker<S::Worker, O::Worker>;

    fn into_workers(self, count: usize) -> Result<Vec<Self::Worker>, NotShared> {
        let services = self.service.into_workers(count);
        let others = self.other.into_workers(count)?;
        let workers = services
            .into_iter()
            .zip(others)
            .map(|(service, other)| AppWorker {
                service,
                paths: self.paths.clone(),
                is_buffered: self.is_buffered,
                other,
            });
        Ok(workers.collect())
    }
}

/// What serves one request at a time of an [`App`].
#[derive(Debug)]
pub struct AppWorker<S, O> {
    service: S,
    paths: PathRules,
    is_buffered: bool,
    other: O,
}

impl<S, O, M, N> HandlerMut<(M, N)> for AppWorker<S, O>
where
    S: HttpWorker<M>,
    O: HandlerMut<N>,
{
    const TRIGGER: Option<&'static str> = Some("http");

    async fn call(
        &mut self,
        event: LambdaEvent<Bytes>,
    ) -> Result<
        Reply<
            impl Stream<Item = Result<Bytes, Failure>>,
            impl Future<Output = Result<(), Failure>>,
        >,
        Failure,
    > {
        let (bytes, context) = event.into_parts();
        let (response, after) = match HttpEvent::decode(&bytes) {
            Err(NotDecoded::Invalid(failure)) => return Err(failure),
            Err(NotDecoded::Other(_)) => {
                let event = LambdaEvent::new(bytes.clone(), context);
                let Reply { response, after } = self.other.call(event).await?;
                let response = response.map(|stream| AppPayload::Other { stream });
                (response, Some(after))
            }
            Ok(event) => {
                let form = self.is_buffered.then(|| DocumentForm::of(&event));
                let answer = answer(&mut self.service, event, context, &self.paths).await?;
                let response = match form {
                    None => answer
                        .into_response()
                        .map(|stream| AppPayload::Streamed { stream }),
                    Some(form) => {
                        let document = buffered::document(answer, form).await?;
                        Response::document(Ok(document))
                            .map(|document| AppPayload::Buffered { document })
                    }
                };
                (response, None)
            }
        };
        let after = async move {
            match after {
                Some(after) => after.await,
                None => Ok(()),
            }
        };
        Ok(Reply { response, after })
    }
}

async fn answer<S, M>(
    service: &mut S,
    event: HttpEvent<'_>,
    context: Context,
    paths: &PathRules,
) -> Result<Answer<S::Body>, Failure>
where
    S: HttpWorker<M>,
{
    let request: Request<RequestBody> = from_event(event, context, paths)?;
    let is_head = *request.method() == Method::HEAD;
    let response = service.answer(request).await?;
    Ok(Answer { response, is_head })
}

/// Handles events that are not HTTP requests where the user does not: it refuses them.
#[derive(Debug, Clone, Copy)]
pub struct Refuse;

impl Handler<()> for Refuse {
    type Worker = Self;

    fn into_workers(self, count: usize) -> Result<Vec<Self>, NotShared> {
        Ok(vec![self; count])
    }
}

impl HandlerMut<()> for Refuse {
    async fn call(
        &mut self,
        event: LambdaEvent<Bytes>,
    ) -> Result<
        Reply<
            impl Stream<Item = Result<Bytes, Failure>>,
            impl Future<Output = Result<(), Failure>>,
        >,
        Failure,
    > {
        let event = event.payload;
        if is_completion(&event) {
            tracing::debug!("the platform reported the end of a streamed response");
            let null = Bytes::from_static(b"null");
            return Ok(Reply::new(Response::document(Ok(null))));
        }
        Err(match HttpEvent::decode(&event) {
            Err(error) => error.into_failure(&event),
            // Only reached by a caller that does not look first.
            Ok(event) => Invalid("nobody handles it".to_owned()).into_failure(event.door),
        })
    }
}
