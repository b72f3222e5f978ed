//! Connections: so many at the same time, and none that is silent.

use std::time::{Duration, Instant};

use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::serve::{Admin, ServeConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::pig::{Pig, ask_within};

/// Platform, item 16: peers that connect and say nothing, or next to nothing, are sent away; who waits behind them gets in,
/// and the operators' port answers all the time.
#[tokio::test]
async fn silent_connections_are_closed_and_the_next_ones_get_in() {
    let stop = CancellationToken::new();
    let silence = Duration::from_secs(1);
    let config = ServeConfig { max_connections: 20, max_silence: silence, ..ServeConfig::default() };
    let (serving, wire) = Pig::new().serve(config, &stop).await;
    let admin = Admin::serve("127.0.0.1:0".parse().unwrap(), &[&serving]).await.unwrap();
    let probe = Link::remote(&format!("http://{}", admin.address), &LinkConfig::default()).unwrap();
    let mut silent = Vec::new();
    for at in 0..30 {
        let mut socket = TcpStream::connect(serving.address).await.unwrap();
        if at % 2 == 0 {
            socket.write_all(b"PRI * HTTP/2").await.unwrap();
        }
        silent.push(socket);
    }
    let began = Instant::now();
    let call = tokio::spawn(async move { ask_within(&wire, "Echo", Duration::from_secs(20)).await });
    while !call.is_finished() {
        let request = HealthCheckRequest { service: "live".to_owned() };
        let mut health = HealthClient::new(probe.clone());
        let answer = tokio::time::timeout(Duration::from_secs(1), health.check(request)).await;
        let answer = answer.expect("a probe is answered at once");
        assert!(answer.is_ok(), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(call.await.unwrap().is_ok(), "the call gets in");
    assert!(began.elapsed() > silence / 2, "it had to wait: there was no place for it");
    for mut socket in silent {
        let closed = tokio::time::timeout(Duration::from_secs(10), socket.read(&mut [0; 64])).await;
        // HTTP/2 may say why before it hangs up; what counts is that it does.
        assert!(closed.expect("it is closed").map_or(true, |read| read == 0));
    }
    admin.stop().await;
}
