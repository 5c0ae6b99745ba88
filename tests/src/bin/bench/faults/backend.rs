//! Three backends on loopback, one of which can be given a fault.

use super::Fault;
use anyhow::{Context, Result, ensure};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Builder,
    select, spawn,
    sync::watch,
    time::{sleep, timeout},
};

pub(super) const COUNT: usize = 3;
/// How long they take to answer, so that some requests are always under way.
pub(super) const SERVICE_TIME: Duration = Duration::from_millis(10);
/// By how much a slow one takes longer.
const DELAY: Duration = Duration::from_millis(500);
/// Connections that wait to be accepted at most: enough for each proxy, and soon filled.
const BACKLOG: u32 = 64;
/// A head is longer only by mistake.
const MAX_LINE: u64 = 8192;

const BODY: &str = "an answer that is just long enough to be cut off in the middle\n";

type Faults = watch::Receiver<Option<Fault>>;

/// How many requests the first one had when it was killed, read or not.
type Lost = Arc<AtomicUsize>;

/// Backends that serve until this is dropped.
pub(super) struct Backends {
    /// Where they are; the first one gets the fault.
    pub(super) ports: [u16; COUNT],
    first: watch::Sender<Option<Fault>>,
    lost: Lost,
    _others: watch::Sender<Option<Fault>>,
}

impl Backends {
    pub(super) fn start() -> Result<Self> {
        let (first, faulty) = watch::channel(None);
        let (_others, healthy) = watch::channel(None);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (mut ports, lost) = ([0; COUNT], Lost::default());
        let mut servers = Vec::new();
        let guard = runtime.enter();
        for (index, port) in ports.iter_mut().enumerate() {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            let listener = socket.listen(BACKLOG)?;
            *port = listener.local_addr()?.port();
            servers.push((listener, if index == 0 { faulty.clone() } else { healthy.clone() }));
        }
        drop(guard);
        let counted = lost.clone();
        thread::spawn(move || {
            runtime.block_on(async {
                let servers = servers.into_iter();
                let servers: Vec<_> =
                    servers.map(|it| spawn(listen(it.0, it.1, counted.clone()))).collect();
                for server in servers {
                    // One that has been killed has ended.
                    let _ = server.await;
                }
                // What holds connections open ends with the proxies and senders.
                healthy_end(healthy).await;
            });
        });
        Ok(Self { ports, first, lost, _others })
    }

    /// Gives the first one a fault.
    pub(super) fn inject(&self, fault: Fault) {
        self.first.send_replace(Some(fault));
    }

    /// How many requests the first one had when it was killed, and had not answered.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Waits until nobody needs the backends any more.
async fn healthy_end(mut faults: Faults) {
    while faults.changed().await.is_ok() {}
}

async fn listen(listener: TcpListener, mut faults: Faults, lost: Lost) -> Result<()> {
    loop {
        let accepted = select! {
            accepted = listener.accept() => accepted,
            changed = faults.changed() => {
                if changed.is_err() || *faults.borrow() == Some(Fault::Kill) {
                    return Ok(());
                }
                if *faults.borrow() == Some(Fault::BlackHole) {
                    let _queued = fill(&listener).await?;
                    faults.changed().await?;
                }
                continue;
            }
        };
        let (stream, faults, lost) = (accepted?.0, faults.clone(), lost.clone());
        spawn(async move {
            let (mut stream, is_asked) = (BufReader::new(stream), AtomicBool::new(false));
            let mut kill = faults.clone();
            let killed = select! {
                // As the kernel does when a process ends: an orderly end, or a reset if something is
                // unread. The same where the sender is gone.
                killed = kill.wait_for(|fault| *fault == Some(Fault::Kill)) => killed.is_ok(),
                // Proxies may break off what they like.
                _ = serve(&mut stream, &faults, &is_asked) => false,
            };
            if killed && (is_asked.load(Ordering::Relaxed) || has_unread(&stream)) {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

/// Whether part of a request has arrived, and has not been read.
fn has_unread(stream: &BufReader<TcpStream>) -> bool {
    !stream.buffer().is_empty() || stream.get_ref().try_read(&mut [0]).is_ok_and(|read| read > 0)
}

/// Fills the backlog, so that the kernel drops what comes: as if nothing were there.
async fn fill(listener: &TcpListener) -> io::Result<Vec<TcpStream>> {
    let address = listener.local_addr()?;
    let mut queued = Vec::new();
    while let Ok(connected) = timeout(SERVICE_TIME, TcpStream::connect(address)).await {
        queued.push(connected?);
    }
    Ok(queued)
}

/// Serves a connection; `is_asked` while there is a request that has not been answered.
async fn serve(
    stream: &mut BufReader<TcpStream>,
    faults: &Faults,
    is_asked: &AtomicBool,
) -> Result<()> {
    stream.get_ref().set_nodelay(true)?;
    while let Some(length) = read_head(stream).await? {
        is_asked.store(true, Ordering::Relaxed);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        sleep(SERVICE_TIME).await;
        let fault = *faults.borrow();
        let (status, sent) = match fault {
            Some(Fault::Hang | Fault::BlackHole) => return std::future::pending().await,
            Some(Fault::Reset) => return Ok(stream.get_ref().set_zero_linger()?),
            Some(Fault::Slow) => {
                sleep(DELAY).await;
                ("200 OK", BODY)
            }
            Some(Fault::Status) => ("500 Internal Server Error", BODY),
            Some(Fault::CutOff) => ("200 OK", &BODY[..BODY.len() / 2]),
            Some(Fault::Kill) | None => ("200 OK", BODY),
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{sent}", BODY.len());
        stream.get_mut().write_all(answer.as_bytes()).await?;
        if sent.len() < BODY.len() {
            break;
        }
        is_asked.store(false, Ordering::Relaxed);
    }
    Ok(())
}

/// Reads a head; returns the length of the body, or `None` at the connection's end.
async fn read_head(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<usize>> {
    let (mut length, mut is_first) = (0, true);
    loop {
        let mut line = String::new();
        if (&mut *input).take(MAX_LINE).read_line(&mut line).await? == 0 {
            ensure!(is_first, "the connection ended within a head");
            return Ok(None);
        }
        is_first = false;
        if line == "\r\n" {
            return Ok(Some(length));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().context("Content-Length")?;
        }
    }
}
