//! A local Lambda for a program that is started by hand. It prints the address for clients, then
//! the value of `AWS_LAMBDA_RUNTIME_API` for the program, and runs until its input ends.

use std::io::Read;

use lambda_stream_local::Server;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder()
        .address("127.0.0.1:0")
        .terminal()
        .from_env()
        .start()?;
    println!("{}\n{}", server.address(), server.runtime_api());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
