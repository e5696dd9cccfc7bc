//! Requests byte by byte, for what no client library would send.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::api::Api;

/// A connection on which a test writes what it likes.
#[derive(Debug)]
pub struct Raw {
    host: String,
    socket: TcpStream,
}

impl Raw {
    /// Connects to the server.
    pub async fn connect(api: &Api) -> Self {
        let host = api.url.strip_prefix("http://").expect("the address has no TLS").to_owned();
        let socket = TcpStream::connect(&host).await.expect("the server listens");
        Self { host, socket }
    }

    /// Writes the request's first line and headers, one a line; the host is added.
    pub async fn head(&mut self, lines: &[&str]) {
        let (first, headers) = lines.split_first().expect("a request has a first line");
        let host = format!("host: {}", self.host);
        let lines: Vec<&str> = [*first, &host].into_iter().chain(headers.iter().copied()).collect();
        self.write(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).await;
    }

    /// Writes these bytes.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.expect("the server reads");
    }

    /// Reads an answer that ends with a JSON object: status line, headers and body.
    pub async fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        let mut part = [0; 4096];
        while !answer.ends_with(b"}") {
            match self.socket.read(&mut part).await {
                Ok(read) if read > 0 => answer.extend_from_slice(&part[..read]),
                end => panic!("no whole answer, but {end:?}: {}", String::from_utf8_lossy(&answer)),
            }
        }
        String::from_utf8(answer).expect("an answer is text")
    }

    /// Reads an answer and expects the problem document for a body that is too long.
    pub async fn expect_too_large(&mut self) -> String {
        let answer = self.answer().await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
        assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
        answer
    }
}
