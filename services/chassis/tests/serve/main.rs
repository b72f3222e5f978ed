//! Servers, links and their stop, over real sockets and in process.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod calls;
mod links;
mod pig;
mod stop;
mod trace;
