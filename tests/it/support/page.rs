use std::collections::BTreeMap;

use jiff::Timestamp;

use super::child::Child;
use super::sim::Sim;
use super::wait::{PATIENCE, wait_for};

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

/// What the page says of an operation, of the report that it names first where there are several.
pub fn section<'p>(page: &'p str, operation: &str) -> Option<&'p str> {
    page.split("<section ").find(|section| section.contains(&format!("<h2><bdi>{operation}</bdi>")))
}

/// What the page calls a state of an operation, in English and Spanish.
pub type Badge = [&'static str; 2];

/// Waits until the page has this badge at an operation, or has it no more.
pub fn wait_for_badge(child: &Child, operation: &str, [en, es]: Badge, is_shown: bool) {
    for (lang, badge) in [("en", en), ("es", es)] {
        wait_for(badge, PATIENCE, || {
            let page = child.get(&format!("/?lang={lang}"), &[]).text().replace("&#39;", "'");
            let section = section(&page, operation).unwrap_or_default();
            if section.contains(&format!(">{badge}</span>")) == is_shown { Ok(()) } else { Err(section.to_owned()) }
        });
    }
}

/// The calls of each skill in an operation's day, most first.
fn day_by_skill(page: &str, operation: &str) -> Vec<u64> {
    let section = section(page, operation).expect("a section of the operation");
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
