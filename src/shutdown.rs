use tokio::sync::watch;

/// The wish to stop, as many tasks wait for it.
#[derive(Debug, Clone)]
pub struct Shutdown {
    wish: watch::Receiver<Wish>,
    /// Where it is that of a part: the whole's.
    whole: Option<watch::Receiver<Wish>>,
}

/// Says that it is time to stop; so does dropping it.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<Wish>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    None,
    /// What is under way may still end.
    Leave,
    Stop,
}

impl Shutdown {
    pub fn new() -> (ShutdownTrigger, Self) {
        let (sender, wish) = watch::channel(Wish::None);
        (ShutdownTrigger(sender), Self { wish, whole: None })
    }

    /// That of a part, which can be stopped by itself and stops with the whole.
    pub fn part(&self) -> (ShutdownTrigger, Self) {
        let (sender, wish) = watch::channel(Wish::None);
        (ShutdownTrigger(sender), Self { wish, whole: Some(self.wish.clone()) })
    }

    pub fn is_requested(&self) -> bool {
        // Without a trigger nobody could ever ask.
        let is_requested = |wish: &watch::Receiver<Wish>| *wish.borrow() != Wish::None || wish.has_changed().is_err();
        is_requested(&self.wish) || self.whole.as_ref().is_some_and(is_requested)
    }

    /// Returns when it is time to stop, at once if it already is. May be dropped and called again.
    pub async fn requested(&self) {
        self.wished(Wish::Leave).await;
    }

    /// The same for what may end first where there is time.
    pub async fn at_once(&self) {
        self.wished(Wish::Stop).await;
    }

    async fn wished(&self, least: Wish) {
        // An error means that the trigger was dropped.
        let wished = async |wish: &watch::Receiver<Wish>| _ = wish.clone().wait_for(|wish| *wish >= least).await;
        match &self.whole {
            None => wished(&self.wish).await,
            Some(whole) => tokio::select! {
                () = wished(&self.wish) => {}
                () = wished(whole) => {}
            },
        }
    }
}

impl ShutdownTrigger {
    /// Asks to begin nothing more; what is under way may end.
    pub fn leave(&self) {
        self.0.send_if_modified(|wish| {
            let is_first = *wish == Wish::None;
            *wish = (*wish).max(Wish::Leave);
            is_first
        });
    }

    pub fn stop(&self) {
        self.0.send_replace(Wish::Stop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn told(shutdown: &Shutdown) -> [bool; 3] {
        let at_once = shutdown.at_once().now_or_never().is_some();
        [shutdown.is_requested(), shutdown.requested().now_or_never().is_some(), at_once]
    }

    #[tokio::test]
    async fn a_part_is_stopped_by_itself_and_with_the_whole() {
        let (trigger, whole) = Shutdown::new();
        let (one, part) = whole.part();
        assert_eq!((told(&whole), told(&part)), ([false; 3], [false; 3]));
        one.leave();
        assert_eq!((told(&whole), told(&part)), ([false; 3], [true, true, false]), "what is under way may end");
        one.stop();
        one.leave();
        assert_eq!((told(&whole), told(&part)), ([false; 3], [true; 3]));
        let (_other, other) = whole.part();
        let (dropped, without) = whole.part();
        drop(dropped);
        assert_eq!((told(&other), told(&without)), ([false; 3], [true; 3]));
        trigger.stop();
        assert_eq!((told(&whole), told(&other)), ([true; 3], [true; 3]));
    }
}
