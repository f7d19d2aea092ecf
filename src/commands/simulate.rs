use std::io::{BufWriter, ErrorKind};

use super::Failure;
use super::serve::{LAST_WORDS, print, runtime, stop_on_signal};
use crate::cli::SimulateCommand;
use crate::shutdown::Shutdown;
use simulator::print::PrintError;
use simulator::{Options, Simulator};

/// `simulate`: a wolkvox server of one's own, until it is told to stop; or what is true, printed.
pub fn run(command: SimulateCommand) -> Result<(), Failure> {
    let options: Options = command.simulator.try_into().map_err(Failure::usage)?;
    if let Some(what) = command.print.print {
        let mut out = BufWriter::new(std::io::stdout().lock());
        return match simulator::print::print(options, what, &command.print, &mut out) {
            // Whoever reads the pipe has seen enough.
            Err(PrintError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(PrintError::Write(error)) => Err(anyhow::Error::from(error).into()),
            Err(error) => Err(Failure::usage(error)),
            Ok(()) => Ok(()),
        };
    }
    let operations: Vec<_> = options.operations.iter().map(|each| (each.name.clone(), each.token())).collect();
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        stop_on_signal(trigger, || tracing::warn!("there is no configuration to read again at SIGHUP"))?;
        let simulator = Simulator::start(options).await.map_err(anyhow::Error::from)?;
        let base_url = simulator.base_url();
        let mut text = format!("simulating wolkvox on {base_url}\n");
        for (name, token) in operations {
            text += &format!("operation {name}: token {token}\n");
        }
        text += &format!("control, faults and the truth: {base_url}/control/\n");
        print(text);
        shutdown.requested().await;
        simulator.shutdown().await;
        Ok(())
    });
    runtime.shutdown_timeout(LAST_WORDS);
    ended
}
