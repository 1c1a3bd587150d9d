//! `lambda-stream invoke`: sends an event, and shows the response as it streams.

use std::error::Error;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::event_stream::Message;
use bytes::{Bytes, BytesMut};
use clap::{Args, ValueEnum};
use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lambda_stream_local::{ADDRESS_VARIABLE, DEFAULT_ADDRESS};
use lambda_stream_wire::decoder::Decoder;
use serde_json::Value;

use crate::chunk_line::{ChunkLine, LiveLine, chunks, duration, printable, size};
use crate::client::{Client, document, successful};

/// How often the line is drawn while nothing comes.
const TICK: Duration = Duration::from_millis(100);

/// Options of `lambda-stream invoke`.
#[derive(Args)]
pub(crate) struct Invoke {
    /// Where the local Lambda serves clients.
    #[arg(long, env = ADDRESS_VARIABLE, default_value = DEFAULT_ADDRESS)]
    address: String,

    /// The function's name.
    #[arg(long, default_value = "local")]
    name: String,

    /// Sends the sample event of a front door.
    #[arg(long, value_enum, value_name = "DOOR", conflicts_with = "event")]
    sample: Option<Sample>,

    /// Shows the payload only.
    #[arg(short, long)]
    quiet: bool,

    /// The event: JSON, @FILE, or - for the standard input.
    #[arg(default_value = "{}")]
    event: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Sample {
    FunctionUrl,
    ApiGateway,
    Invoke,
}

impl Sample {
    fn name(self) -> &'static str {
        match self {
            Self::FunctionUrl => "function-url",
            Self::ApiGateway => "api-gateway",
            Self::Invoke => "invoke",
        }
    }
}

impl Invoke {
    async fn event(&self, client: &mut Client) -> Result<Bytes, Box<dyn Error>> {
        if let Some(sample) = self.sample {
            let response = successful(client.get("/_lambda/samples").await?).await?;
            let samples = document(response).await?;
            return Ok(samples[sample.name()].to_string().into());
        }
        if self.event == "-" {
            let mut event = Vec::new();
            io::stdin().read_to_end(&mut event)?;
            return Ok(event.into());
        }
        match self.event.strip_prefix('@') {
            Some(path) => Ok(std::fs::read(path)
                .map_err(|error| format!("the event {path} cannot be read: {error}"))?
                .into()),
            None => Ok(self.event.clone().into()),
        }
    }
}

/// Invokes the function; the exit code says whether it succeeded.
pub(crate) async fn run(options: &Invoke) -> Result<ExitCode, Box<dyn Error>> {
    let mut client = Client::connect(&options.address).await?;
    let event = options.event(&mut client).await?;
    let mut shown = Shown::new(options.quiet);
    let name =
        percent_encoding::utf8_percent_encode(&options.name, percent_encoding::NON_ALPHANUMERIC);
    let path = format!("/2021-11-15/functions/{name}/response-streaming-invocations");
    let asked = client.post(&path, event);
    tokio::pin!(asked);
    let response = loop {
        tokio::select! {
            response = &mut asked => break successful(response?).await?,
            () = tokio::time::sleep(TICK) => shown.draw(),
        }
    };
    if begins_with_head(&options.address, &response).await? {
        shown.decoder = Some(Decoder::default());
    }
    match shown.read(response.into_body()).await {
        Ok(failure) => Ok(shown.end(failure.as_ref())),
        // Whoever reads has read enough.
        Err(error) if is_broken_pipe(&*error) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            shown.line.erase();
            Err(error)
        }
    }
}

/// Returns whether the payload begins with the head of an HTTP response, which a caller of the API
/// is not told: the record of the invocation says so.
async fn begins_with_head(
    address: &str,
    response: &Response<Incoming>,
) -> Result<bool, Box<dyn Error>> {
    let id = response.headers().get("x-amzn-requestid");
    let Some(id) = id.and_then(|id| id.to_str().ok()) else {
        return Ok(false);
    };
    let mut client = Client::connect(address).await?;
    let record = client.get(&format!("/_lambda/invocations/{id}")).await?;
    if !record.status().is_success() {
        // Recording is turned off.
        return Ok(false);
    }
    Ok(document(record).await?["headInPayload"] == true)
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Why the function failed, as `InvokeComplete` says.
struct Failure {
    code: String,
    details: String,
}

/// What is shown of a response.
struct Shown {
    quiet: bool,
    /// Takes the head out of the payload.
    decoder: Option<Decoder>,
    begun: Instant,
    first: Option<Duration>,
    chunks: u64,
    bytes: u64,
    bars: ChunkLine,
    line: LiveLine,
    /// Whether payload and line share a terminal.
    shares_terminal: bool,
    /// Whether the payload ended in a line break.
    at_line_start: bool,
}

impl Shown {
    fn new(quiet: bool) -> Self {
        let begun = Instant::now();
        Self {
            quiet,
            decoder: None,
            begun,
            first: None,
            chunks: 0,
            bytes: 0,
            bars: ChunkLine::new(begun),
            line: LiveLine::on_stderr(),
            shares_terminal: io::stdout().is_terminal(),
            at_line_start: true,
        }
    }

    /// Reads the response to its end.
    async fn read(&mut self, mut body: Incoming) -> Result<Option<Failure>, Box<dyn Error>> {
        let mut messages = MessageFrameDecoder::new();
        let mut unread = BytesMut::new();
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = tokio::time::sleep(TICK) => {
                    self.draw();
                    continue;
                }
            };
            let Some(frame) = frame else {
                return Err("the response ended without `InvokeComplete`".into());
            };
            let frame = frame.map_err(|error| format!("the response broke off: {error}"))?;
            unread.extend_from_slice(&frame.into_data().unwrap_or_default());
            while let DecodedFrame::Complete(message) = messages.decode_frame(&mut unread)? {
                match event_type(&message) {
                    "PayloadChunk" => self.chunk(message.payload())?,
                    "InvokeComplete" => return failure(message.payload()),
                    _ => {}
                }
            }
        }
    }

    fn chunk(&mut self, chunk: &Bytes) -> Result<(), Box<dyn Error>> {
        self.first.get_or_insert_with(|| self.begun.elapsed());
        let Some(decoder) = &mut self.decoder else {
            return self.payload(chunk);
        };
        let Some((head, payload)) = decoder.push(chunk)? else {
            return Ok(());
        };
        self.decoder = None;
        if !self.quiet {
            self.line.erase();
            let content_type = head
                .headers
                .get(CONTENT_TYPE)
                .and_then(|it| it.to_str().ok());
            let content_type = content_type.unwrap_or("no content type");
            eprintln!("{}, {}", head.status, printable(content_type));
        }
        self.payload(&payload)
    }

    fn payload(&mut self, payload: &[u8]) -> Result<(), Box<dyn Error>> {
        if let Some(last) = payload.last() {
            self.chunks += 1;
            self.bytes += payload.len() as u64;
            self.bars.push(Instant::now(), payload.len() as u64);
            self.line.erase();
            let mut stdout = io::stdout().lock();
            stdout.write_all(payload)?;
            stdout.flush()?;
            self.at_line_start = *last == b'\n';
        }
        self.draw();
        Ok(())
    }

    fn draw(&mut self) {
        // Drawn after an unfinished line of the payload, it would be drawn over it.
        if !self.quiet && (self.at_line_start || !self.shares_terminal) {
            let bars = self.bars.bars(Instant::now());
            let text = format!("{bars} {}", self.counted());
            self.line.draw(&text);
        }
    }

    fn counted(&self) -> String {
        let elapsed = duration(self.begun.elapsed());
        let Some(first) = self.first else {
            return elapsed;
        };
        let (chunks, bytes, first) = (chunks(self.chunks), size(self.bytes), duration(first));
        format!("{chunks}, {bytes}, first byte {first}, {elapsed}")
    }

    /// Shows how it ended.
    fn end(&mut self, failure: Option<&Failure>) -> ExitCode {
        self.line.erase();
        if self.shares_terminal && !self.at_line_start {
            println!();
        }
        if !self.quiet {
            eprintln!("{}", self.counted());
        }
        match failure {
            Some(Failure { code, details }) => {
                let document = serde_json::from_str::<Value>(details).unwrap_or_default();
                let message = document["errorMessage"].as_str().unwrap_or(details);
                eprintln!("{}: {}", printable(code), printable(message));
                ExitCode::FAILURE
            }
            None => ExitCode::SUCCESS,
        }
    }
}

fn event_type(message: &Message) -> &str {
    message
        .headers()
        .iter()
        .find(|header| header.name().as_str() == ":event-type")
        .and_then(|header| header.value().as_string().ok())
        .map_or("", |name| name.as_str())
}

fn failure(complete: &Bytes) -> Result<Option<Failure>, Box<dyn Error>> {
    let complete: Value = serde_json::from_slice(complete)?;
    let text = |name: &str| complete[name].as_str().map(str::to_owned);
    Ok(text("ErrorCode").map(|code| Failure {
        code,
        details: text("ErrorDetails").unwrap_or_default(),
    }))
}
