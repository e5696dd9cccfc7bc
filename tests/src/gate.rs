//! An address that stays while the server behind it goes and comes.
//!
//! A page knows one address of the server. The gate has it and passes every connection on, so that a test can restart the
//! server, cut the line, or lose answers on their way.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// They are passed on.
    Open(SocketAddr),
    /// They are closed at once.
    Shut,
    /// Requests arrive, but each answer is lost and its connection closed.
    LosingAnswers(SocketAddr),
}

/// The gate. It closes when it is dropped.
#[derive(Debug)]
pub struct Gate {
    url: String,
    state: watch::Sender<State>,
    lost: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Gate {
    /// Opens a gate to the server at this address (like `http://127.0.0.1:40123`).
    pub async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let state = watch::Sender::new(State::Open(address(server)));
        let lost = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(pass_on(listener, state.clone(), Arc::clone(&lost)));
        Self { url, state, lost, task }
    }

    /// The address that stays.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Passes connections on to the server at this address.
    pub fn open(&self, server: &str) {
        self.state.send_replace(State::Open(address(server)));
    }

    /// Cuts every connection and lets none through.
    pub fn shut(&self) {
        self.state.send_replace(State::Shut);
    }

    /// Lets requests through to the server at this address, and loses the answers.
    pub fn lose_answers(&self, server: &str) {
        self.state.send_replace(State::LosingAnswers(address(server)));
    }

    /// How many answers were lost.
    pub fn lost_answers(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn address(url: &str) -> SocketAddr {
    let address = url.strip_prefix("http://").and_then(|address| address.parse().ok());
    address.unwrap_or_else(|| panic!("no address of a server: {url}"))
}

async fn pass_on(listener: TcpListener, state: watch::Sender<State>, lost: Arc<AtomicUsize>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut states = state.subscribe();
        let lost = Arc::clone(&lost);
        tokio::spawn(async move {
            let now = *states.borrow_and_update();
            // A connection ends when the state changes: a browser keeps connections, and would go on with an old one.
            tokio::select! {
                () = serve(client, now, &lost) => {}
                _ = states.changed() => {}
            }
        });
    }
}

/// Serves a connection to its end. How it ends is the affair of both ends.
async fn serve(mut client: TcpStream, state: State, lost: &AtomicUsize) {
    match state {
        State::Shut => {}
        State::Open(server) => {
            if let Ok(mut server) = TcpStream::connect(server).await {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        }
        State::LosingAnswers(server) => {
            let Ok(server) = TcpStream::connect(server).await else { return };
            let (mut requests, _answers) = client.split();
            let (mut from_server, mut to_server) = server.into_split();
            let mut byte = [0];
            tokio::select! {
                answered = from_server.read(&mut byte) => {
                    if matches!(answered, Ok(1)) {
                        lost.fetch_add(1, Ordering::SeqCst);
                    }
                }
                _ = copy(&mut requests, &mut to_server) => {}
            }
            let _ = to_server.shutdown().await;
        }
    }
}
