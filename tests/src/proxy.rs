//! A TCP proxy that does to connections what networks do: it delays, slows, cuts, resets, goes silent, or loses an answer whose request
//! went through. It knows no protocol, so it stands before Redis, PostgreSQL and the simulator alike; what it rolls dice for depends on
//! its seed and on the order of the connections alone.
//!
//! A *turn* is a request and its answer: it begins with the first bytes from the client after bytes from the server. A fault counts as
//! landed when it hit a turn that was under way, never when it hit an idle connection.

use crate::dice::Dice;
use anyhow::{Context, Result};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;
/// Pieces on their way while they are delayed.
const PIECES: usize = 64;

/// Where connections lead.
#[derive(Clone, Debug)]
pub enum Target {
    /// A port.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

/// What gets through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Everything.
    #[default]
    Open,
    /// New connections are closed at once; see [`Proxy::cut`] for those that are there.
    Refused,
    /// Connections are accepted and stay, and nothing moves in either direction.
    HalfOpen,
    /// Requests go through; answers are kept until it is open again.
    OneWay,
}

/// How the link is now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// What gets through.
    pub flow: Flow,
    /// Added to everything in each direction, give or take 30 %.
    pub latency: Duration,
    /// Most bytes per second of a connection in each direction; 0 = no limit.
    pub bytes_per_second: u32,
    /// Of so many turns in 1,000 the request goes through, the answer is dropped and the connection ends.
    pub lose_replies_per_mille: u32,
    /// Only turns whose request has these bytes in it can lose their answer.
    pub losing_only: Option<&'static str>,
}

/// A listening proxy; dropping it ends its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: Target,
    seed: u64,
    weather: watch::Sender<Weather>,
    /// The last order to end every connection.
    ends: watch::Sender<Option<End>>,
    landed: AtomicU64,
    opened: AtomicU64,
    given_up: AtomicU64,
}

/// How connections are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As by a closing peer.
    Close,
    /// As by a peer that knows nothing of the connection.
    Reset,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(target: Target, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("a port for a proxy")?;
        let address = listener.local_addr()?;
        let (weather, ends) = (watch::Sender::default(), watch::Sender::default());
        let (landed, opened, given_up) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let shared = Arc::new(Shared { target, seed, weather, ends, landed, opened, given_up });
        let serving = shared.clone();
        let listener = tokio::spawn(async move {
            for number in 0.. {
                match listener.accept().await {
                    Ok((client, _)) => {
                        serving.opened.fetch_add(1, Ordering::Relaxed);
                        tokio::spawn(serving.clone().carry(client, number));
                    }
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        Ok(Self { address, shared, listener })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather; connections that are there feel it too.
    pub fn weather(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Ends every connection as a closing peer would.
    pub fn cut(&self) {
        self.shared.ends.send_replace(Some(End::Close));
    }

    /// Resets every connection.
    pub fn reset(&self) {
        self.shared.ends.send_replace(Some(End::Reset));
    }

    /// How many connections were opened so far.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::Relaxed)
    }

    /// How many connections their client ended while it waited for an answer, so far.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.shared.given_up.load(Ordering::Relaxed)
    }

    /// How many turns met a fault so far.
    #[must_use]
    pub fn landed(&self) -> u64 {
        self.shared.landed.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut();
    }
}

/// The turn of a connection.
#[derive(Debug, Default)]
struct Turn {
    under_way: AtomicBool,
    /// Its answer is to be lost.
    loses: AtomicBool,
}

impl Shared {
    async fn carry(self: Arc<Self>, mut client: TcpStream, number: u64) {
        let mut ends = self.ends.subscribe();
        ends.mark_unchanged();
        if self.weather.borrow().flow == Flow::Refused {
            return;
        }
        let turn = Turn::default();
        let exchange = async {
            match &self.target {
                Target::Tcp(address) => self.exchange(&mut client, TcpStream::connect(address).await?, &turn, number).await,
                Target::Unix(path) => self.exchange(&mut client, UnixStream::connect(path).await?, &turn, number).await,
            }
        };
        let ended: io::Result<()> = tokio::select! {
            ended = exchange => ended,
            _ = ends.changed() => {
                self.landed.fetch_add(u64::from(turn.under_way.load(Ordering::Relaxed)), Ordering::Relaxed);
                Ok(())
            }
        };
        // An answer that was lost, and a peer that is gone: the other side learns of it by its own connection.
        if ended.is_err() || *ends.borrow() == Some(End::Reset) {
            let _ = client.set_zero_linger();
        }
    }

    async fn exchange(
        &self,
        client: &mut TcpStream,
        server: impl AsyncRead + AsyncWrite,
        turn: &Turn,
        number: u64,
    ) -> io::Result<()> {
        client.set_nodelay(true)?;
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), split(server));
        let dice = Dice::of(self.seed, number);
        let requests = self.pump(Direction::Request, from_client, to_server, turn, dice.clone());
        let answers = self.pump(Direction::Answer, from_server, to_client, turn, dice.turned());
        tokio::try_join!(requests, answers).map(|_| ())
    }

    /// Moves bytes in one direction until its source ends.
    async fn pump(
        &self,
        direction: Direction,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        turn: &Turn,
        mut dice: Dice,
    ) -> io::Result<()> {
        let (sender, mut delayed) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
        let reading = async move {
            let mut buffer = vec![0; PIECE];
            loop {
                let read = from.read(&mut buffer).await;
                let ended = read.as_ref().map_or(true, |count| *count == 0);
                if ended && direction == Direction::Request && turn.under_way.load(Ordering::Relaxed) {
                    self.given_up.fetch_add(1, Ordering::Relaxed);
                }
                let count = read?;
                if count == 0 {
                    return Ok::<_, io::Error>(());
                }
                let piece = &buffer[..count];
                let weather = *self.weather.borrow();
                if direction == Direction::Request {
                    let begins = !turn.under_way.swap(true, Ordering::Relaxed);
                    // What is looked for may come in a later piece than the turn's first.
                    if (begins || weather.losing_only.is_some()) && concerned(weather, piece) {
                        let loses = dice.below(1_000) < u64::from(weather.lose_replies_per_mille);
                        turn.loses.store(loses, Ordering::Relaxed);
                    }
                    self.landed.fetch_add(u64::from(begins && !weather.latency.is_zero()), Ordering::Relaxed);
                }
                let delay = weather.latency * u32::try_from(70 + dice.below(61)).unwrap_or(100) / 100;
                if sender.send((Instant::now() + delay, piece.to_vec())).await.is_err() {
                    return Ok(());
                }
            }
        };
        let writing = async move {
            while let Some((due, piece)) = delayed.recv().await {
                tokio::time::sleep_until(due).await;
                self.passage(direction).await;
                if direction == Direction::Answer {
                    turn.under_way.store(false, Ordering::Relaxed);
                    if turn.loses.swap(false, Ordering::Relaxed) {
                        self.landed.fetch_add(1, Ordering::Relaxed);
                        return Err(io::ErrorKind::ConnectionReset.into());
                    }
                }
                let most = self.weather.borrow().bytes_per_second;
                if most > 0 {
                    tokio::time::sleep(Duration::from_secs(1) * u32::try_from(piece.len()).unwrap_or(0) / most).await;
                }
                to.write_all(&piece).await?;
            }
            to.shutdown().await
        };
        tokio::try_join!(reading, writing).map(|_| ())
    }

    /// Waits while nothing gets through in this direction; a piece that waited met a fault.
    async fn passage(&self, direction: Direction) {
        let open = |weather: &Weather| match (weather.flow, direction) {
            (Flow::HalfOpen, _) | (Flow::OneWay, Direction::Answer) => false,
            (Flow::Open | Flow::Refused, _) | (Flow::OneWay, Direction::Request) => true,
        };
        let mut weather = self.weather.subscribe();
        let held = !open(&weather.borrow());
        if held {
            self.landed.fetch_add(1, Ordering::Relaxed);
            // The sender lives as long as we do.
            let _ = weather.wait_for(open).await;
        }
    }
}

/// Whether a request may lose its answer.
fn concerned(weather: Weather, request: &[u8]) -> bool {
    weather.losing_only.is_none_or(|bytes| request.windows(bytes.len()).any(|window| window == bytes.as_bytes()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}
