use super::Failure;
use super::serve::{runtime, stop_on_signal};
use crate::cli::SimulateCommand;
use crate::shutdown::Shutdown;
use simulator::{Options, Simulator};

/// `simulate`: a wolkvox server of one's own, until it is told to stop.
pub fn run(command: SimulateCommand) -> Result<(), Failure> {
    let options: Options = command.simulator.try_into().map_err(Failure::usage)?;
    let operations: Vec<_> = options.operations.iter().map(|each| (each.name.clone(), each.token())).collect();
    let runtime = runtime()?;
    runtime.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        stop_on_signal(trigger)?;
        let simulator = Simulator::start(options).await.map_err(anyhow::Error::from)?;
        println!("simulating wolkvox on {}", simulator.base_url());
        for (name, token) in operations {
            println!("operation {name}: token {token}");
        }
        println!("control, faults and the truth: {}/control/", simulator.base_url());
        shutdown.requested().await;
        simulator.shutdown().await;
        Ok(())
    })
}
