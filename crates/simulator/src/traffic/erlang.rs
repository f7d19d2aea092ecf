use super::patience::Patience;

/// Steps into which each part of the curve of patience is cut.
const STEPS: usize = 16;
/// What is this far below the largest part, as a logarithm, adds nothing.
const NOTHING: f64 = 40.0;

/// The share of callers who give up in the long run, where `arrivals` come in a second, at random, `agents` answer them
/// in the order of their coming, and a call takes `handling` seconds on the average, exponentially distributed.
///
/// It is the queue M/M/n+G, solved: Baccelli and Hébuterne (1981), in the notation of Zeltyn and Mandelbaum (2005), with
/// `H(x)` the integral of the share still waiting: `P = λ∫G(x)e^(λH(x)-nμx)dx / (E + λ∫e^(λH(x)-nμx)dx)`.
pub(super) fn abandoned_share(arrivals: f64, agents: u32, handling: f64, patience: &Patience) -> f64 {
    if arrivals <= 0.0 {
        return 0.0;
    }
    if agents == 0 {
        return 1.0;
    }
    let freed = f64::from(agents) / handling;
    let mut idle = 1.0;
    for busy in 1..agents {
        idle = 1.0 + f64::from(busy) / handling / arrivals * idle;
    }
    let Integrals { given_up, all, scale } = integrals(arrivals, freed, patience);
    let share = arrivals * given_up / ((-scale).exp() * idle + arrivals * all);
    // Not a number where almost nobody calls: then nobody waits.
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// Both integrals, divided by e^`scale`, for they can be larger than any number.
struct Integrals {
    given_up: f64,
    all: f64,
    scale: f64,
}

fn integrals(arrivals: f64, freed: f64, patience: &Patience) -> Integrals {
    let mut sums = Integrals { given_up: 0.0, all: 0.0, scale: 0.0 };
    let (mut waiting, mut before) = (0.0, 0.0);
    for ((low, from), (high, to)) in patience.parts() {
        let step = (to - from) / STEPS as f64;
        for index in 0..STEPS {
            let given_up = low + (high - low) * (index as f64 + 0.5) / STEPS as f64;
            waiting += step * (1.0 - given_up);
            let after = arrivals * waiting - freed * (from + step * (index + 1) as f64);
            sums.add(before, after, step, given_up);
            before = after;
        }
        // The exponent is concave: once it has fallen so far it falls on.
        if before < sums.scale - NOTHING {
            return sums;
        }
    }
    // Nobody waits any longer, and the exponent falls in a straight line for ever.
    let rest = (before - sums.scale).exp() / freed;
    sums.all += rest;
    sums.given_up += rest;
    sums
}

impl Integrals {
    /// The exponential of a straight line from `before` to `after`, over `step`.
    fn add(&mut self, before: f64, after: f64, step: f64, given_up: f64) {
        let (top, fall) = (before.max(after), (before - after).abs());
        if top > self.scale {
            let shrink = (self.scale - top).exp();
            self.all *= shrink;
            self.given_up *= shrink;
            self.scale = top;
        }
        let mean = if fall < 1e-9 { 1.0 } else { (1.0 - (-fall).exp()) / fall };
        let part = (top - self.scale).exp() * mean * step;
        self.all += part;
        self.given_up += part * given_up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Erlang's own formula for the loss where nobody waits, by its recursion.
    fn loss(offered: f64, agents: u32) -> f64 {
        (1..=agents).fold(1.0, |loss, n| offered * loss / (f64::from(n) + offered * loss))
    }

    #[test]
    fn where_nobody_waits_it_is_erlangs_loss() {
        let impatient = Patience::new(1e-9);
        for (arrivals, agents) in [(0.01, 1), (0.02, 5), (0.1, 18)] {
            let (got, expected) =
                (abandoned_share(arrivals, agents, 200.0, &impatient), loss(arrivals * 200.0, agents));
            assert!((got / expected - 1.0).abs() < 1e-3, "{got} and {expected}");
        }
    }

    #[test]
    fn an_overload_loses_what_nobody_can_answer() {
        let patience = Patience::new(1.0);
        for (arrivals, agents) in [(1.0, 20), (25.0, 40), (1_000.0, 300)] {
            let answered = f64::from(agents) / 200.0 / arrivals;
            let got = abandoned_share(arrivals, agents, 200.0, &patience);
            assert!((got - (1.0 - answered)).abs() < 0.01, "{got} and {answered}");
        }
    }

    #[test]
    fn more_agents_lose_less_and_more_calls_more() {
        let patience = Patience::new(1.0);
        let share = |arrivals, agents| abandoned_share(arrivals, agents, 200.0, &patience);
        assert_eq!((share(0.0, 3), share(0.1, 0)), (0.0, 1.0));
        for agents in 1..60 {
            assert!(share(0.1, agents + 1) < share(0.1, agents), "{agents}");
            assert!(share(0.11, agents) > share(0.1, agents), "{agents}");
        }
        assert!(share(1e-9, 1) < 1e-6 && share(1e-300, 50) == 0.0);
    }
}
