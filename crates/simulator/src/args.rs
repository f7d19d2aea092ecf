// `clap` shows these comments as they are: brackets in them are not links, and can't be escaped.
#![allow(rustdoc::broken_intra_doc_links)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::faults::Armed;
use super::options::{Clock, OperationOptions, Options, OptionsError};
use super::quirks::Quirks;
use super::traffic::{AnsweredRows, Cause, Incident, Lateness, Week};
use super::wire::{length, read_instant};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8042);
const DEFAULT_ZONE: &str = "America/Bogota";

/// The flags of `simulate` and `demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct SimulateArgs {
    /// Address to listen on; the control endpoint has no password, so keep it on loopback
    /// [default: 127.0.0.1:8042; for demo a free port]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// Time zone of the report's dates, an IANA name [default: America/Bogota; for demo one in which it is afternoon]
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,

    /// The traffic of one seed is always the same
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Number of skills
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    pub skills: usize,

    /// Calls against those of a bank's call centre, about 1,300 a day over all skills, of which 240 are abandoned
    /// [default: 1; for demo 20]
    #[arg(long, value_name = "FACTOR")]
    pub rate: Option<f64>,

    /// Name of a simulated operation; repeat for several, each with its own token and traffic
    #[arg(long = "operation", value_name = "NAME", default_value = "simulated", value_delimiter = ',')]
    pub operations: Vec<String>,

    /// Token to accept, one for each operation in their order; made up where missing
    #[arg(long = "token", value_name = "TOKEN", value_delimiter = ',')]
    pub tokens: Vec<String>,

    /// Fault to begin with: NAME, NAME:ANSWERS or the JSON of the control endpoint; repeatable
    #[arg(long = "fault", value_name = "FAULT", value_delimiter = ';')]
    pub faults: Vec<String>,

    /// How answers are written, as the JSON of /control/quirks: {"code":"number","empty":"array"}
    #[arg(long, value_name = "JSON")]
    pub quirks: Option<String>,

    /// More abandoned calls for a while, because of more calls or fewer agents:
    /// factor=2.5,for=30m[,cause=calls|agents][,skill=4173][,in=5m|,from=INSTANT]; repeatable
    #[arg(long = "incident", value_name = "INCIDENT", value_delimiter = ';')]
    pub incidents: Vec<String>,

    /// Incidents a week that the seed places in each skill, of twice, three and six times the usual abandoned calls
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0)]
    pub incidents_per_week: f64,

    /// How many calls the days of a week have
    #[arg(long, value_name = "WEEK", value_enum, default_value_t = Week::default())]
    pub week: Week,

    /// How patient callers are against the measured ones, half of whom wait for six minutes
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub patience: f64,

    /// How long after its date most calls are in the reports at the latest
    #[arg(long, value_name = "DURATION", default_value = "61s")]
    pub lateness: String,

    /// Share of calls that are late beyond that, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub late_share: f64,

    /// How much later they are at most
    #[arg(long, value_name = "DURATION", default_value = "30m")]
    pub late: String,

    /// When the row of an answered voice call appears; chats appear at their end
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = AnsweredRows::default())]
    pub answered_rows: AnsweredRows,

    /// Share of answered chats that last from half a day to three days, 0 to 1; the others last up to two hours
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub long_chats: f64,

    /// Callers who gave up call again
    #[arg(long)]
    pub redials: bool,

    /// Calls that a token may make in a day; no limit where missing
    #[arg(long, value_name = "CALLS")]
    pub quota: Option<u32>,
}

impl TryFrom<SimulateArgs> for Options {
    type Error = OptionsError;

    /// Incidents are relative to the host's clock at this moment.
    fn try_from(args: SimulateArgs) -> Result<Self, OptionsError> {
        let zone = args.zone.unwrap_or_else(|| DEFAULT_ZONE.to_owned());
        let zone = TimeZone::get(&zone).map_err(|_| {
            unreadable(format!("`{zone}` is not a time zone: write an IANA name such as America/Bogota"))
        })?;
        if args.tokens.len() > args.operations.len() {
            return Err(unreadable(format!(
                "{} tokens for {} operations: give at most one each",
                args.tokens.len(),
                args.operations.len()
            )));
        }
        let duration =
            |text: &str| length(text).and_then(|length| Duration::try_from(length).map_err(|error| error.to_string()));
        let lateness = Lateness {
            usual: duration(&args.lateness).map_err(unreadable)?,
            late_share: args.late_share,
            late: duration(&args.late).map_err(unreadable)?,
        };
        let clock = Clock::default();
        let incidents: Vec<Incident> =
            args.incidents.iter().map(|text| incident(text, &clock)).collect::<Result<_, _>>().map_err(unreadable)?;
        let quirks: Quirks = match &args.quirks {
            Some(text) => serde_json::from_str(text)
                .map_err(|error| unreadable(format!("`{text}` is no description of quirks: {error}")))?,
            None => Quirks::default(),
        };
        let operations = args.operations.iter().enumerate().map(|(index, name)| OperationOptions {
            token: args.tokens.get(index).cloned(),
            rate: args.rate.unwrap_or(1.0),
            week: args.week,
            patience: args.patience,
            redials: args.redials,
            lateness,
            answered_rows: args.answered_rows,
            long_chats: args.long_chats,
            incidents: incidents.clone(),
            incidents_per_week: args.incidents_per_week,
            quota: args.quota,
            quirks: quirks.clone(),
            ..OperationOptions::new(name, zone.clone(), args.seed.wrapping_add(index as u64), args.skills)
        });
        let faults: Vec<Armed> =
            args.faults.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(unreadable)?;
        let options =
            Self { listen: args.listen.unwrap_or(DEFAULT_LISTEN), operations: operations.collect(), faults, clock };
        options.check()?;
        Ok(options)
    }
}

/// Reads `factor=2.5,for=30m,skill=4173,in=5m`.
fn incident(text: &str, clock: &Clock) -> Result<Incident, String> {
    let (mut factor, mut lasts, mut skill, mut cause, mut from) = (None, None, None, Cause::default(), clock.now());
    for part in text.split(',') {
        match part.trim().split_once('=') {
            Some(("factor", value)) => {
                factor = Some(value.parse::<f64>().map_err(|_| format!("`{value}` is not a factor: write 2.5"))?);
            }
            Some(("for", value)) => lasts = Some(length(value)?),
            Some(("skill", value)) => skill = Some(value.to_owned()),
            Some(("in", value)) => from = clock.now() + length(value)?,
            Some(("from", value)) => from = read_instant(value)?,
            Some(("cause", "calls")) => cause = Cause::Calls,
            Some(("cause", "agents")) => cause = Cause::Agents,
            _ => return Err(format!("`{part}` in `{text}` is none of factor=, for=, cause=, skill=, in=, from=")),
        }
    }
    let (Some(factor), Some(lasts)) = (factor, lasts) else {
        return Err(format!("`{text}` lacks factor= or for=: write factor=2.5,for=30m"));
    };
    Ok(Incident { skill, factor, cause, from, until: from + lasts })
}

fn unreadable(words: String) -> OptionsError {
    OptionsError::Unreadable(words)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn read(line: &str) -> Result<Options, OptionsError> {
        Line::try_parse_from(std::iter::once("simulate").chain(line.split_whitespace())).unwrap().args.try_into()
    }

    #[test]
    fn flags_become_options() {
        let options = read("").unwrap();
        assert_eq!((options.operations.len(), options.operations[0].skills.len()), (1, 8));
        assert_eq!(options.operations[0].token().len(), 40);

        let options = read(
            "--listen 127.0.0.1:0 --operation a --operation b --token t --fault hang:2 --late-share 0.1 --rate 20 \
             --incident factor=3,for=20m,skill=4174,in=1m --incident factor=2,for=1h,cause=agents,from=60 --quota 10 --zone Europe/Madrid --skills 200",
        )
        .unwrap();
        let [a, b] = &options.operations[..] else { panic!("{options:?}") };
        assert_eq!((a.token(), b.token().len(), a.seed + 1), ("t".to_owned(), 40, b.seed));
        assert_eq!(a.incidents[0].until.duration_since(a.incidents[0].from).as_secs(), 1200);
        let second = &a.incidents[1];
        assert_eq!((second.cause, second.from.as_second(), second.until.as_second()), (Cause::Agents, 60, 3_660));
        assert_eq!(options.faults, ["hang:2".parse().unwrap()]);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, words) in [
            ("--zone Bogota", "`Bogota` is not a time zone"),
            ("--fault hung", "`hung` is not a fault; there are: status,"),
            ("--incident factor=2", "lacks factor= or for="),
            ("--incident factr=2", "`factr=2`"),
            ("--quirks {\"order\":\"odd\"}", "unknown variant `odd`"),
            ("--rate -1", "the rate is -1"),
            ("--rate NaN", "the rate is NaN"),
            ("--patience 0", "the patience is 0"),
            ("--incidents-per-week 9", "the number of incidents a week is 9"),
            ("--incident factor=2,for=1h,cause=rain", "`cause=rain`"),
            ("--rate 5000", "the rate is 5000"),
            ("--skills 5000", "5000 skills"),
            ("--lateness soon", "`soon` is not a duration"),
            ("--token a --token b", "2 tokens for 1 operations"),
            ("--operation a --operation a", "share the name"),
        ] {
            let line = line.replace("--rate -1", "--rate=-1");
            let error = read(&line).unwrap_err().to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
    }
}
