//! An app as a handler of invocations.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Empty;

use super::app::App;
use super::body::RequestBody;
use super::buffered::{self, DocumentForm};
use super::event::{HttpEvent, Invalid, NotDecoded, is_completion};
use super::http_service::HttpService;
use super::path::PathRules;
use super::request::from_event;
use super::response::Answer;
use crate::error::Failure;
use crate::event::{Context, LambdaEvent};
use crate::runtime::{Exchange, Handler, RunError};

impl<S, O, M, N> Handler<(M, N)> for App<S, O>
where
    S: HttpService<M>,
    O: Handler<N>,
{
    async fn serve(
        &mut self,
        event: LambdaEvent<Bytes>,
        exchange: Exchange<'_>,
    ) -> Result<(), RunError> {
        let (bytes, context) = event.into_parts();
        let decoded = match HttpEvent::decode(&bytes) {
            Err(NotDecoded::Other(_)) => {
                let event = LambdaEvent::new(bytes, context);
                return self.other.serve(event, exchange).await;
            }
            Err(NotDecoded::Invalid(failure)) => Err(failure),
            Ok(event) => Ok(event),
        };
        let Self {
            service,
            paths,
            is_buffered,
            ..
        } = self;
        if *is_buffered {
            let call = async {
                let event = decoded?;
                let form = DocumentForm::of(&event);
                let answer = answer(service, event, context, paths).await?;
                buffered::document(answer, form).await
            };
            exchange.document(call).await
        } else {
            let call = async { answer(service, decoded?, context, paths).await };
            exchange.stream(call).await
        }
    }
}

async fn answer<S, M>(
    service: &mut S,
    event: HttpEvent<'_>,
    context: Context,
    paths: &PathRules,
) -> Result<Answer<S::Body>, Failure>
where
    S: HttpService<M>,
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
    async fn serve(
        &mut self,
        event: LambdaEvent<Bytes>,
        exchange: Exchange<'_>,
    ) -> Result<(), RunError> {
        let event = event.payload;
        let call = async {
            if is_completion(&event) {
                tracing::debug!("the platform reported the end of a streamed response");
                return Ok(Response::new(Empty::<Bytes>::new()));
            }
            Err(match HttpEvent::decode(&event) {
                Err(error) => error.into_failure(&event),
                // Only reached by a caller that does not look first.
                Ok(event) => Invalid("nobody handles it".to_owned()).into_failure(event.door),
            })
        };
        exchange.stream(call).await
    }
}
