//! Certificates: who is believed, what a renewed one changes, and what a server refuses to be open to.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::security::SecurityConfig;
use dealflow_chassis::serve::{Part, ServeConfig, ServeError, serve};
use dealflow_chassis::tls::{ClientTls, TlsConfig};
use dealflow_testbed::keys::{Authority, Certified};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::pig::eventually;
use crate::whom::{Whom, ask, secure, serving};

const GATEWAY: &str = "spiffe://house/gateway";

/// A server with this certificate, open to whoever reaches it on this machine.
fn shown(own: &Certified) -> TlsConfig {
    TlsConfig { cert: Some(own.cert.clone()), key: Some(own.key.clone()), ..TlsConfig::default() }
}

/// One that parts call: by the authority and the name on its list.
fn of_parts(own: &Certified, ca: &Path, peers: &[&str]) -> SecurityConfig {
    let peers = peers.iter().map(|peer| (*peer).to_owned()).collect();
    SecurityConfig {
        tls: TlsConfig { client_ca: Some(ca.to_owned()), peers, ..shown(own) },
        ..SecurityConfig::default()
    }
}

/// What a part at the other end shows and believes.
fn client(own: Option<&Certified>, ca: &Path) -> ClientTls {
    let own = own.map(shown).unwrap_or_default();
    ClientTls::of(&TlsConfig { ca: Some(ca.to_owned()), ..own }).expect("the files can be used")
}

/// R-SEC-1: what a link believes is the authority that it was given, and the name that it called.
#[tokio::test]
async fn a_server_is_believed_by_its_authority_and_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (house, other) = (Authority::new(), Authority::new());
    let (ca, other_ca) = (house.write(folder.path(), "ca"), other.write(folder.path(), "other"));
    let own = house.certify(folder.path(), "own", &["localhost"], None);
    let (server, _stop) = serving(SecurityConfig { tls: shown(&own), ..SecurityConfig::default() }).await;
    assert!(server.uri().starts_with("https://"), "{}", server.uri());

    assert!(ask(&secure(&server, &client(None, &ca)), "GetLead", &[]).await.is_ok());
    // Another authority; the public ones; another name; no TLS at all.
    let by_address = LinkConfig { tls: Some(client(None, &ca)), ..LinkConfig::default() };
    let plain = format!("http://localhost:{}", server.address.port());
    for link in [
        secure(&server, &client(None, &other_ca)),
        secure(&server, &ClientTls::believing(None).unwrap()),
        Link::remote(&server.uri(), &by_address).unwrap(),
        Link::remote(&plain, &LinkConfig::default()).unwrap(),
    ] {
        let refused = ask(&link, "GetLead", &[]).await.unwrap_err();
        assert!([Code::Unavailable, Code::Unknown].contains(&refused.code()), "{refused:?}");
    }
}

/// R-SEC-1: a part is called by those on its list alone; a certificate of the same authority is not enough.
#[tokio::test]
async fn only_names_on_the_list_call_a_part_and_say_for_whom() {
    let folder = tempfile::tempdir().unwrap();
    let (house, other) = (Authority::new(), Authority::new());
    let ca = house.write(folder.path(), "ca");
    let own = house.certify(folder.path(), "own", &["localhost"], None);
    let (server, _stop) = serving(of_parts(&own, &ca, &[GATEWAY, "gateway.house"])).await;
    let for_ann = [("dealflow-actor", "employees/ann"), ("dealflow-roles", "sales_rep")];

    let by_uri = house.certify(folder.path(), "uri", &[], Some(GATEWAY));
    let by_name = house.certify(folder.path(), "name", &["gateway.house"], None);
    for known in [&by_uri, &by_name] {
        let link = secure(&server, &client(Some(known), &ca));
        // It did not say what she sees: nobody's own.
        assert_eq!(ask(&link, "GetLead", &for_ann).await.unwrap(), "employees/ann [sales_rep]  = employees/ann sees ");
        let refused = ask(&link, "DistributeLeads", &for_ann).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "the user's roles count, not the part's");
        let flow = [("dealflow-actor", "employees/ann"), ("dealflow-flow", "01890000-0000-7000-8000-000000000001")];
        assert!(ask(&link, "LinkOpportunity", &flow).await.is_ok(), "what only parts may, a part may");
    }
    let mail = house.certify(folder.path(), "mail", &["mail.house"], Some("spiffe://house/mail"));
    let forged = other.certify(folder.path(), "forged", &["gateway.house"], Some(GATEWAY));
    for stranger in [Some(&mail), Some(&forged), None] {
        let refused = ask(&secure(&server, &client(stranger, &ca)), "GetLead", &for_ann).await.unwrap_err();
        assert_ne!(refused.code(), Code::Ok, "{stranger:?}");
        if stranger.is_some_and(|it| it.cert == mail.cert) {
            assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
        }
    }
}

/// R-SEC-1: a renewed certificate is served without a restart; while it and its key do not fit, the old one is.
#[tokio::test]
async fn a_renewed_certificate_needs_no_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    let (old_ca, new_ca) = (old.write(folder.path(), "old"), new.write(folder.path(), "new"));
    let own = old.certify(folder.path(), "own", &["localhost"], None);
    let (server, _stop) = serving(SecurityConfig { tls: shown(&own), ..SecurityConfig::default() }).await;
    let believes_old = client(None, &old_ca);
    let first = secure(&server, &believes_old);
    assert!(ask(&first, "GetLead", &[]).await.is_ok());

    let renewed = new.certify(folder.path(), "renewed", &["localhost"], None);
    fs::copy(&renewed.cert, &own.cert).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert!(ask(&secure(&server, &believes_old), "GetLead", &[]).await.is_ok(), "the key is not there yet");
    fs::copy(&renewed.key, &own.key).unwrap();
    eventually("the new certificate is served", async || {
        ask(&secure(&server, &client(None, &new_ca)), "GetLead", &[]).await.is_ok()
    })
    .await;
    assert!(ask(&secure(&server, &believes_old), "GetLead", &[]).await.is_err());
    assert!(ask(&first, "GetLead", &[]).await.is_ok(), "a connection that stands is not cut");

    // The other side: the file of whom it believes is read again as well.
    fs::copy(&new_ca, &old_ca).unwrap();
    eventually("the new authority is believed", async || {
        ask(&secure(&server, &believes_old), "GetLead", &[]).await.is_ok()
    })
    .await;
}

/// A peer that begins a handshake and says no more keeps nobody else waiting.
#[tokio::test]
async fn silent_peers_hold_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let house = Authority::new();
    let ca = house.write(folder.path(), "ca");
    let own = house.certify(folder.path(), "own", &["localhost"], None);
    let (server, _stop) = serving(SecurityConfig { tls: shown(&own), ..SecurityConfig::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
        silent.push(stream);
    }
    assert!(ask(&secure(&server, &client(None, &ca)), "GetLead", &[]).await.is_ok());
    let mut garbage = TcpStream::connect(server.address).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    // An alert of TLS or the end of the connection: no page.
    let _closed = garbage.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
}

/// R-SEC-1: on a network nobody serves in the open by mistake, and a certificate that cannot be used stops the start.
#[tokio::test]
async fn a_server_refuses_to_be_open_to_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let house = Authority::new();
    let ca = house.write(folder.path(), "ca");
    let own = house.certify(folder.path(), "own", &["localhost"], None);
    let begin = async |security: SecurityConfig| {
        let address: SocketAddr = "0.0.0.0:0".parse().unwrap();
        let config = ServeConfig { address, security, ..ServeConfig::default() };
        let stop = CancellationToken::new();
        let began = serve(Part::new("whom").service(Whom), config, stop.clone()).await.map(|_| ());
        stop.cancel();
        began
    };
    let says = |begun: Result<(), ServeError>| match begun.unwrap_err() {
        ServeError::Open { source, .. } => source.to_string(),
        other => panic!("{other:?}"),
    };
    let bare = says(begin(SecurityConfig::default()).await);
    assert!(bare.contains("--tls-cert") && bare.contains("--insecure") && bare.contains("127.0.0.1"), "{bare}");
    let unasked = says(begin(SecurityConfig { tls: shown(&own), ..SecurityConfig::default() }).await);
    assert!(unasked.contains("--token-keys"), "{unasked}");
    assert!(begin(of_parts(&own, &ca, &[GATEWAY])).await.is_ok());
    assert!(begin(SecurityConfig { insecure: true, ..SecurityConfig::default() }).await.is_ok());

    let other = house.certify(folder.path(), "other", &["localhost"], None);
    for (cert, key) in [(&own.cert, &other.key), (&ca, &own.key), (&own.key, &own.key), (&own.cert, &own.cert)] {
        let tls = TlsConfig { cert: Some(cert.clone()), key: Some(key.clone()), ..TlsConfig::default() };
        let begun = begin(SecurityConfig { tls, insecure: true, ..SecurityConfig::default() }).await;
        assert!(matches!(begun, Err(ServeError::File { .. })), "{cert:?} {key:?}: {begun:?}");
    }
}
