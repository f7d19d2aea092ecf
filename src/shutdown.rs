use tokio::sync::watch;

/// The wish to stop, as many tasks wait for it.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Says that it is time to stop; so does dropping it.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

impl Shutdown {
    pub fn new() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (ShutdownTrigger(sender), Self(receiver))
    }

    pub fn is_requested(&self) -> bool {
        // Without a trigger nobody could ever ask.
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns when it is time to stop, at once if it already is. May be dropped and called again.
    pub async fn requested(&self) {
        // An error means that the trigger was dropped.
        let _ = self.0.clone().wait_for(|requested| *requested).await;
    }
}

impl ShutdownTrigger {
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}
