use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::call::Call;
use super::operation::Operation;
use super::traffic::{SkillDay, Stretch};

/// More windows of skills than this are not told at once.
pub const MOST_WINDOWS: i64 = 5_000_000;

/// The true state of a skill's queue in one window of time: what an alert is to be judged by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// Its beginning, in seconds since 1970.
    pub window: i64,
    pub skill_id: String,
    pub skill_name: String,
    /// Callers who joined the queue. They are offered calls once their outcome is known.
    pub arrived: u64,
    /// Abandoned and answered calls, by the dates of their rows.
    pub offered: u64,
    pub answered: u64,
    pub abandoned: u64,
    /// Callers in the queue at its end.
    pub waiting: u64,
    /// On the average of the window. 0, as what follows, where there are injected calls only.
    #[serde(serialize_with = "short")]
    pub agents: f64,
    /// Work that comes in against what the agents can do: from 1 on they can't answer all.
    #[serde(serialize_with = "short")]
    pub load: f64,
    /// Calls that come in against those planned for this hour and weekday.
    #[serde(serialize_with = "short")]
    pub busier: f64,
    /// Abandoned calls expected in this window on the average of such hours, without an incident.
    #[serde(serialize_with = "short")]
    pub usual_abandoned: f64,
    /// The share of the offered calls that is expected to be abandoned, likewise.
    #[serde(serialize_with = "short")]
    pub usual_share: f64,
    /// The factor by which an incident raises what is abandoned, if there is one in any part of the window.
    pub incident: Option<f64>,
}

/// The columns of [`csv`].
pub const HEADER: &str = "operation,skill_id,skill_name,window,arrived,offered,answered,abandoned,waiting,agents,load,\
                          busier,usual_abandoned,usual_share,incident\n";

/// The windows of `seconds` that touch [`from`, `to`), by skill and time. Injected calls are in them.
pub fn windows(operation: &Operation, from: Timestamp, to: Timestamp, seconds: i64) -> Result<Vec<Window>, String> {
    if !(1..=86_400).contains(&seconds) {
        return Err(format!("a window of {seconds} s: write a length from 1s to 1d"));
    }
    let begin = from.as_second().div_euclid(seconds) * seconds;
    let count = (to.as_second() - begin + seconds - 1).div_euclid(seconds).max(0);
    let skills = operation.skills().len().max(1) as i64;
    if count.saturating_mul(skills) > MOST_WINDOWS {
        return Err(format!("{count} windows of {skills} skills are too many at once: {MOST_WINDOWS} at most"));
    }
    let grid = Grid { begin, seconds, count: count as usize };
    let mut columns: BTreeMap<String, Column> = BTreeMap::new();
    for (index, skill) in operation.skills().iter().enumerate() {
        let column = columns.entry(skill.id.to_string()).or_insert_with(|| Column::new(&skill.name, grid));
        operation.skill_days(from, to, index, |day| column.add_day(grid, day));
    }
    for call in operation.injected_calls().filter(|call| call.is_abandoned() || call.is_answered()) {
        let column = columns.entry(call.skill_id.to_string()).or_insert_with(|| Column::new(&call.skill_name, grid));
        column.add_call(grid, &call);
    }
    let windows = columns.into_iter().flat_map(|(id, column)| column.windows(grid, id)).collect();
    Ok(windows)
}

/// The windows as lines of CSV, without the header; an `incident` that is none is empty.
pub fn csv(operation: &str, windows: &[Window]) -> String {
    let mut out = String::with_capacity(windows.len() * 100);
    for each in windows {
        let [name, skill_id, skill_name] = [operation, &each.skill_id, &each.skill_name].map(quoted);
        let incident = each.incident.map(|factor| factor.to_string()).unwrap_or_default();
        // Writing to memory can't fail.
        let _ = writeln!(
            out,
            "{name},{skill_id},{skill_name},{},{},{},{},{},{},{:.2},{:.3},{:.3},{:.3},{:.4},{incident}",
            each.window,
            each.arrived,
            each.offered,
            each.answered,
            each.abandoned,
            each.waiting,
            each.agents,
            each.load,
            each.busier,
            each.usual_abandoned,
            each.usual_share,
        );
    }
    out
}

/// In quotes where CSV asks for them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// `count` windows, one after the other.
#[derive(Debug, Clone, Copy)]
struct Grid {
    begin: i64,
    seconds: i64,
    count: usize,
}

impl Grid {
    /// The window of an instant, though it may be none that is asked for.
    fn index(self, at: i64) -> i64 {
        (at - self.begin).div_euclid(self.seconds)
    }

    fn inside(self, index: i64) -> Option<usize> {
        usize::try_from(index).ok().filter(|index| *index < self.count)
    }
}

/// The windows of one skill.
struct Column {
    name: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    arrived: u64,
    answered: u64,
    abandoned: u64,
    waiting: u64,
    agent_seconds: f64,
    /// Seconds of work that come in.
    work: f64,
    planned: f64,
    coming: f64,
    usual: f64,
    incident: Option<f64>,
}

impl Column {
    fn new(name: &str, grid: Grid) -> Self {
        Self { name: name.to_owned(), cells: vec![Cell::default(); grid.count] }
    }

    fn add_day(&mut self, grid: Grid, day: &SkillDay) {
        for stretch in &day.stretches {
            self.add_stretch(grid, stretch);
        }
        for outcome in &day.outcomes {
            self.add_outcome(grid, outcome.arrived(), outcome.at, outcome.answered);
        }
    }

    fn add_call(&mut self, grid: Grid, call: &Call) {
        let at = call.at.as_second();
        self.add_outcome(grid, at - call.waited.unwrap_or_default() as i64, at, call.is_answered());
    }

    fn add_outcome(&mut self, grid: Grid, arrived: i64, at: i64, answered: bool) {
        let (first, last) = (grid.index(arrived), grid.index(at));
        if let Some(index) = grid.inside(first) {
            self.cells[index].arrived += 1;
        }
        for index in (first..last).filter_map(|index| grid.inside(index)) {
            self.cells[index].waiting += 1;
        }
        if let Some(index) = grid.inside(last) {
            let cell = &mut self.cells[index];
            *(if answered { &mut cell.answered } else { &mut cell.abandoned }) += 1;
        }
    }

    fn add_stretch(&mut self, grid: Grid, stretch: &Stretch) {
        for index in grid.index(stretch.begin)..=grid.index(stretch.end - 1) {
            let Some(inside) = grid.inside(index) else { continue };
            let start = grid.begin + index * grid.seconds;
            let seconds = (stretch.end.min(start + grid.seconds) - stretch.begin.max(start)) as f64;
            let cell = &mut self.cells[inside];
            cell.agent_seconds += f64::from(stretch.agents()) * seconds;
            cell.work += stretch.arrivals() * stretch.handling() * seconds;
            cell.coming += stretch.arrivals() * seconds;
            cell.planned += stretch.planned * seconds;
            cell.usual += stretch.planned * stretch.lost * seconds;
            cell.incident = stretch.factor.or(cell.incident);
        }
    }

    fn windows(self, grid: Grid, skill_id: String) -> impl Iterator<Item = Window> {
        let name = self.name;
        self.cells.into_iter().enumerate().map(move |(index, cell)| Window {
            window: grid.begin + index as i64 * grid.seconds,
            skill_id: skill_id.clone(),
            skill_name: name.clone(),
            arrived: cell.arrived,
            offered: cell.answered + cell.abandoned,
            answered: cell.answered,
            abandoned: cell.abandoned,
            waiting: cell.waiting,
            agents: cell.agent_seconds / grid.seconds as f64,
            load: ratio(cell.work, cell.agent_seconds),
            busier: ratio(cell.coming, cell.planned),
            usual_abandoned: cell.usual,
            usual_share: ratio(cell.usual, cell.planned),
            incident: cell.incident,
        })
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// To four decimals, for nobody reads more.
fn short<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((value * 1e4).round() / 1e4)
}
