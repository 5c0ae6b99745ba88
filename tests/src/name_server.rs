//! A name server on loopback, over UDP and TCP, that says what a test tells it to.

use anyhow::Result;
use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata::CNAME},
};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinHandle,
};

/// What the server says about a name. About others it says that they do not exist.
#[derive(Clone, Debug)]
pub enum Says {
    /// These addresses, for so many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// The same, but over UDP only that the answer is too long.
    TooLong(Vec<IpAddr>, u32),
    /// The same for the records of one family; questions for the other get no answer.
    OneFamily(Vec<IpAddr>, u32),
    /// It is an alias of another name, for so many seconds.
    Alias(&'static str, u32),
    /// An error.
    Error(ResponseCode),
    /// Nothing at all.
    Nothing,
}

#[derive(Default)]
struct Zone {
    names: HashMap<String, Says>,
    asked: Vec<String>,
}

/// A running server. Ends when dropped.
pub struct NameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl NameServer {
    /// Starts one that knows no name.
    pub async fn start() -> Result<Self> {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await?;
            // Another process may have the port for TCP.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr()?).await {
                break (udp, tcp);
            }
        };
        let (address, zone) = (udp.local_addr()?, Arc::<Mutex<Zone>>::default());
        let tasks =
            [tokio::spawn(over_udp(udp, zone.clone())), tokio::spawn(over_tcp(tcp, zone.clone()))];
        Ok(Self { address, zone, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, it says this about a name.
    pub fn say(&self, name: &str, says: Says) {
        lock(&self.zone).names.insert(name.to_owned(), says);
    }

    /// From now on, these addresses, for a second.
    pub fn resolve(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().filter_map(|address| address.parse().ok()).collect();
        self.say(name, Says::Addresses(addresses, 1));
    }

    /// How often it was asked for addresses of a name, of one family.
    pub fn asked(&self, name: &str) -> usize {
        lock(&self.zone).asked.iter().filter(|asked| *asked == name).count()
    }
}

fn lock(zone: &Mutex<Zone>) -> MutexGuard<'_, Zone> {
    zone.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn over_udp(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut buffer = [0; 4096];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = answer(&buffer[..length], true, &zone) {
            let _ = socket.send_to(&answer, peer).await;
        }
    }
}

async fn over_tcp(listener: TcpListener, zone: Arc<Mutex<Zone>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let zone = zone.clone();
        tokio::spawn(async move {
            // The client ends the connection.
            let _ = one_connection(stream, &zone).await;
        });
    }
}

async fn one_connection(mut stream: TcpStream, zone: &Mutex<Zone>) -> std::io::Result<()> {
    loop {
        let mut question = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut question).await?;
        if let Some(answer) = answer(&question, false, zone) {
            let length = u16::try_from(answer.len()).map_err(std::io::Error::other)?;
            stream.write_u16(length).await?;
            stream.write_all(&answer).await?;
        }
    }
}

/// The answer to a question, if there is to be one.
fn answer(question: &[u8], is_udp: bool, zone: &Mutex<Zone>) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).ok()?;
    let query = question.queries.first()?.clone();
    let name = query.name().to_string().trim_end_matches('.').to_lowercase();
    let kind = query.query_type();
    let mut zone = lock(zone);
    if kind == RecordType::A {
        zone.asked.push(name.clone());
    }
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.recursion_desired = question.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.add_query(query);
    let (mut name, mut links) = (name, 0);
    loop {
        let owner = Name::from_str(&format!("{name}.")).ok()?;
        match zone.names.get(&name) {
            Some(Says::Alias(to, ttl)) if links < 10 => {
                let to_name = Name::from_str(&format!("{to}.")).ok()?;
                answer.add_answer(Record::from_rdata(owner, *ttl, RData::CNAME(CNAME(to_name))));
                (name, links) = ((*to).to_owned(), links + 1);
            }
            Some(Says::TooLong(..)) if is_udp => {
                answer.metadata.truncation = true;
                return answer.to_vec().ok();
            }
            Some(Says::OneFamily(addresses, _)) if !has(addresses, kind) => return None,
            Some(
                Says::Addresses(addresses, ttl)
                | Says::TooLong(addresses, ttl)
                | Says::OneFamily(addresses, ttl),
            ) => {
                let asked = addresses.iter().filter(|address| is_of(address, kind));
                answer.add_answers(
                    asked.map(|address| Record::from_rdata(owner.clone(), *ttl, (*address).into())),
                );
                return answer.to_vec().ok();
            }
            Some(Says::Error(code)) => {
                answer.metadata.response_code = *code;
                return answer.to_vec().ok();
            }
            Some(Says::Nothing) => return None,
            Some(Says::Alias(..)) | None => {
                answer.metadata.response_code = ResponseCode::NXDomain;
                return answer.to_vec().ok();
            }
        }
    }
}

fn is_of(address: &IpAddr, kind: RecordType) -> bool {
    (kind == RecordType::A && address.is_ipv4()) || (kind == RecordType::AAAA && address.is_ipv6())
}

fn has(addresses: &[IpAddr], kind: RecordType) -> bool {
    addresses.iter().any(|address| is_of(address, kind))
}
