use domain::report::{ANSWERED, ReportKind};

use super::Lang;

/// What the page calls the calls of a report.
pub(super) struct Words {
    /// In a sentence, and after the name of the operation.
    pub calls: &'static str,
    pub last_window: &'static str,
    pub total: &'static str,
    pub today: &'static str,
    pub none_today: &'static str,
    /// Above the picture of the last hours, and before what it shows in words.
    pub by_hour: &'static str,
    pub by_hour_aloud: &'static str,
}

const ABANDONED_EN: Words = Words {
    calls: "abandoned calls",
    last_window: "Abandoned in the last window",
    total: "Abandoned in total",
    today: "Abandoned today",
    none_today: "No abandoned call was read of today",
    by_hour: "Abandoned per hour, last 24 hours",
    by_hour_aloud: "Abandoned calls by the hour that begins at",
};

const ABANDONED_ES: Words = Words {
    calls: "llamadas abandonadas",
    last_window: "Abandonadas en la última ventana",
    total: "Abandonadas en total",
    today: "Abandonadas hoy",
    none_today: "No se leyó ninguna llamada abandonada de hoy",
    by_hour: "Abandonadas por hora, últimas 24 horas",
    by_hour_aloud: "Llamadas abandonadas por la hora que empieza a las",
};

const ANSWERED_EN: Words = Words {
    calls: "answered calls",
    last_window: "Answered in the last window",
    total: "Answered in total",
    today: "Answered today",
    none_today: "No answered call was read of today",
    by_hour: "Answered per hour, last 24 hours",
    by_hour_aloud: "Answered calls by the hour that begins at",
};

const ANSWERED_ES: Words = Words {
    calls: "llamadas atendidas",
    last_window: "Atendidas en la última ventana",
    total: "Atendidas en total",
    today: "Atendidas hoy",
    none_today: "No se leyó ninguna llamada atendida de hoy",
    by_hour: "Atendidas por hora, últimas 24 horas",
    by_hour_aloud: "Llamadas atendidas por la hora que empieza a las",
};

impl Words {
    pub fn of(report: &ReportKind, lang: Lang) -> &'static Self {
        match (report.name == ANSWERED.name, lang) {
            (false, Lang::En) => &ABANDONED_EN,
            (false, Lang::Es) => &ABANDONED_ES,
            (true, Lang::En) => &ANSWERED_EN,
            (true, Lang::Es) => &ANSWERED_ES,
        }
    }
}
