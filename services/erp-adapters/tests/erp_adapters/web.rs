//! A server of HTTP/1.1 that answers as a test says, or cuts the line, or says nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    /// Decoded.
    pub(crate) path: String,
    /// Decoded.
    pub(crate) query: BTreeMap<String, String>,
    /// By lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What is answered.
pub(crate) enum Reply {
    Json(u16, Value),
    With(u16, &'static [(&'static str, &'static str)], String),
    /// The line is cut: whatever was done, no answer comes.
    Cut,
    /// Nothing comes, and the line stays.
    Hang,
}

/// Serves until the test ends; answers the address.
pub(crate) async fn serve(answer: impl Fn(Ask) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move { talk(stream, &*answer).await });
        }
    });
    format!("http://{address}")
}

async fn talk(mut stream: TcpStream, answer: &(impl Fn(Ask) -> Reply + Sync)) {
    let Some(ask) = read(&mut stream).await else { return };
    let (status, headers, body) = match answer(ask) {
        Reply::Json(status, value) => (status, &[][..], value.to_string()),
        Reply::With(status, headers, body) => (status, headers, body),
        Reply::Cut => return,
        Reply::Hang => return std::future::pending().await,
    };
    let mut head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // Whoever asked may be gone by now.
    if stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.is_ok() {
        stream.shutdown().await.ok();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Ask> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("the head is text");
    let mut lines = head.lines();
    let mut first = lines.next().expect("a first line").split(' ');
    let (method, target) = (first.next().expect("a method"), first.next().expect("a target"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |it| it.parse().expect("a length"));
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Ask {
        method: method.to_owned(),
        path: decoded(path),
        query: query.split('&').filter_map(|it| it.split_once('=')).map(|(k, v)| (decoded(k), decoded(v))).collect(),
        headers,
        body,
    })
}

fn decoded(text: &str) -> String {
    let (mut out, bytes) = (Vec::new(), text.as_bytes());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).expect("two digits"));
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).expect("text")
}
