//! What systemd is told, on a socket in its place.

use std::os::unix::net::UnixDatagram;

use crate::support::child::signal;
use crate::support::sim::quiet;
use crate::support::{Child, Folder, PATIENCE, Sim};

#[test]
fn systemd_hears_of_readiness_of_work_of_a_reload_and_of_the_end() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &["interval: 1s", "settle: 0s", "hold: 0s"], |_| Vec::new());
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a folder of this test");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let hear = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).expect("a word to systemd");
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    let mut command = folder.command();
    // A third of it is between two feedings.
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000000");
    let exporter = Child::start(command);
    let first = [hear(), hear()];
    assert!(first.contains(&"READY=1".to_owned()) && first.contains(&"WATCHDOG=1".to_owned()), "{first:?}");
    for _ in 0..2 {
        assert_eq!(hear(), "WATCHDOG=1");
    }
    // As `Type=notify-reload` asks for (systemd 253): the time tells this reload from an earlier one.
    for (config, status) in [(None, "is that of its file"), (Some("operations: ["), "was refused")] {
        config.into_iter().for_each(|text| folder.write_config(text));
        signal(exporter.id(), "HUP");
        let mut words = std::iter::repeat_with(hear).filter(|word| word != "WATCHDOG=1");
        let [reloading, ready] = [words.next(), words.next()].map(|word| word.expect("a word to systemd"));
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|time| time.parse::<u64>().ok());
        assert!(time.is_some(), "{reloading}");
        assert!(ready.starts_with("READY=1\nSTATUS=") && ready.contains(status), "{ready}");
    }
    assert_eq!(exporter.terminate().0.code(), Some(0));
    let last = std::iter::repeat_with(hear).find(|word| word != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
}
