//! The way to a service, which can be cut.

use std::pin::pin;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// While it is cut connections end, and new ones are refused; the service itself goes on.
pub(crate) struct Gate {
    to: (String, u16),
    pub(crate) port: u16,
    open: JoinHandle<()>,
    /// While this is true nothing passes, and neither end learns of it.
    pub(crate) swallows: watch::Sender<bool>,
}

impl Gate {
    pub(crate) async fn open(to: (String, u16)) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let swallows = watch::Sender::new(false);
        let open = tokio::spawn(Self::pass(listener, to.clone(), swallows.subscribe()));
        Self { to, port, open, swallows }
    }

    async fn pass(listener: TcpListener, to: (String, u16), swallows: watch::Receiver<bool>) {
        // Ends with this task.
        let mut connections = JoinSet::new();
        loop {
            let (mut here, _) = listener.accept().await.expect("it listens");
            let (to, mut swallows) = (to.clone(), swallows.clone());
            connections.spawn(async move {
                let mut there = TcpStream::connect(to).await.expect("the service is there");
                // Either end may go.
                let mut copy = pin!(tokio::io::copy_bidirectional(&mut here, &mut there));
                loop {
                    tokio::select! {
                        _ = &mut copy => return,
                        _ = swallows.wait_for(|swallows| *swallows) => {}
                    }
                    if swallows.wait_for(|swallows| !*swallows).await.is_err() {
                        return;
                    }
                }
            });
        }
    }

    pub(crate) async fn cut(&mut self) {
        self.open.abort();
        let _ = (&mut self.open).await;
    }

    pub(crate) async fn mend(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("the port is still free");
        self.open = tokio::spawn(Self::pass(listener, self.to.clone(), self.swallows.subscribe()));
    }
}
