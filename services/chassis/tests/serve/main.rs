//! Servers, links and their stop, over real sockets and in process.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod brief;
mod calls;
mod connections;
mod frames;
mod guard;
mod links;
mod matrix;
mod pig;
mod stop;
mod tls;
mod tokens;
mod trace;
mod unread;
mod whom;
