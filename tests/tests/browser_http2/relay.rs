//! Between the browser and the front door: which connections there are, and for which hosts they
//! were opened.

use portico_tests::wire::PATIENCE;
use rustls::server::Acceptor;
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread::sleep,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

/// Passes connections on; ends when dropped.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _runtime: Runtime,
}

#[derive(Clone, Debug)]
struct Seen {
    /// The host that it was opened for (SNI).
    host: String,
    is_open: bool,
}

impl Relay {
    /// Passes connections on to a TLS server.
    pub(crate) fn start(to: SocketAddr) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = seen.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let seen = shared.clone();
                tokio::spawn(async move { pass(client, to, &seen).await });
            }
        });
        Self { address, seen, _runtime: runtime }
    }

    /// How many connections have been opened for a host.
    pub(crate) fn opened(&self, host: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.host == host).count()
    }

    /// Waits until no connection is open that was opened for this host.
    pub(crate) fn all_closed(&self, host: &str) {
        let start = Instant::now();
        let is_open = |seen: &Seen| seen.host == host && seen.is_open;
        while self.seen.lock().unwrap().iter().any(is_open) {
            assert!(start.elapsed() < PATIENCE, "still open: {:?}", self.seen.lock().unwrap());
            sleep(Duration::from_millis(10));
        }
    }
}

async fn pass(mut client: TcpStream, to: SocketAddr, seen: &Mutex<Vec<Seen>>) {
    // Who closes without a word opens nothing.
    let Ok((host, hello)) = hello(&mut client).await else { return };
    let at = {
        let mut seen = seen.lock().unwrap();
        seen.push(Seen { host, is_open: true });
        seen.len() - 1
    };
    let both = async {
        let mut server = TcpStream::connect(to).await?;
        server.write_all(&hello).await?;
        copy_bidirectional(&mut client, &mut server).await
    };
    // A reset is an end like any other.
    let _ = both.await;
    seen.lock().unwrap()[at].is_open = false;
}

/// Reads a ClientHello: the host that it names, and its bytes.
async fn hello(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let (mut acceptor, mut hello) = (Acceptor::default(), Vec::new());
    loop {
        let before = hello.len();
        if client.read_buf(&mut hello).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        acceptor.read_tls(&mut &hello[before..])?;
        if let Some(accepted) = acceptor.accept().map_err(|_| io::ErrorKind::InvalidData)? {
            let host = accepted.client_hello().server_name().unwrap_or_default().to_owned();
            return Ok((host, hello));
        }
    }
}
