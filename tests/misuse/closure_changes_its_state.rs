//! A closure that changes what it has captured cannot serve many invocations at once.

use lambda_stream::{Error, LambdaEvent};

fn main() {
    let mut served = 0;
    let _ = lambda_stream::run(async |_: LambdaEvent<String>| {
        served += 1;
        Ok::<_, Error>(lambda_stream::Json(served))
    });
}
