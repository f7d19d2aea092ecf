use std::collections::BTreeMap;

use jiff::Timestamp;

use super::child::Child;
use super::sim::Sim;

/// Waits until the page's day by skill is the truth of the calls since `start` that are dated on the present local day.
pub fn wait_until_day_is_exact(child: &Child, sim: &Sim, operation: &str, start: Timestamp) {
    let zone = sim.operation(operation).expect("simulated").zone().clone();
    child.wait_for(&format!("the day of {operation} on the page"), |_| {
        let now = Timestamp::now();
        let today = zone.to_datetime(now).date();
        let mut truth = BTreeMap::<String, u64>::new();
        let calls = sim.operation(operation).expect("simulated").truth(start, now);
        for call in calls.iter().filter(|call| call.is_abandoned() && zone.to_datetime(call.at).date() == today) {
            *truth.entry(call.skill_id.to_string()).or_default() += 1;
        }
        let mut truth: Vec<_> = truth.into_values().collect();
        truth.sort_unstable_by(|a, b| b.cmp(a));
        let shown = day_by_skill(&child.get("/?lang=en", &[]).text(), operation);
        if shown == truth { Ok(()) } else { Err(format!("{shown:?} on the page, and not {truth:?}")) }
    });
}

/// The calls of each skill in an operation's day, most first.
fn day_by_skill(page: &str, operation: &str) -> Vec<u64> {
    let section = page.split("<section ").find(|section| section.contains(&format!("<h2>{operation}")));
    let section = section.expect("a section of the operation");
    let Some((_, table)) = section.split_once("<table class=\"skills\">") else { return Vec::new() };
    let (_, body) = table.split_once("<tbody>").expect("a table");
    let (body, _) = body.split_once("</tbody>").expect("a table");
    let cell = |row: &str| {
        let (_, cell) = row.split_once("<td class=\"n\">").expect("a number");
        let (number, _) = cell.split_once("</td>").expect("a number");
        number.replace('\u{202f}', "").parse().expect("a number")
    };
    body.split("<tr>").skip(1).map(cell).collect()
}
