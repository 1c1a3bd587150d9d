//! What is no handler is refused in words.

fn main() {
    let _ = lambda_stream::run("handler");
}
