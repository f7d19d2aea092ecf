//! All states that the page tells of, in one table with both languages.

mod calls;
mod causes;

use domain::outcome::Outcome;

use super::Lang;
use crate::wolkvox::Cause;

/// What can be true of an operation or of the exporter: the key of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// No poll has ended since the start.
    Starting,
    /// All that was due has been read, and nothing contradicts it.
    Current,
    CatchingUp,
    /// Polls succeed, and no row has ever come.
    OnlyEmpty,
    /// The same, while other reports of the operation bring calls.
    OnlyEmptyBeside,
    /// Rows are counted whose `result` nobody knows.
    UnknownResults,
    /// How the last call ended, where the poll failed by it and no cause says more.
    Call(Outcome),
    /// Why there was no answer of the API.
    NoAnswer(Cause),
    Incomplete,
    TooManyParts,
    /// What can't be read is somewhere in the range.
    Broken,
    /// One second can't be read, so far.
    Unreadable,
    /// What had come could not be stored.
    Ledger,
    /// Most rows of the last answer can't be used.
    MostRejected,
    /// The rows contradict the configured zone.
    Zone,
    ClockAhead,
    ClockBehind,
    /// The ledger is a copy, and what it lacks has not been read yet.
    Copy,
    /// Scrapes see what an earlier process showed.
    StartHold,
    /// The vendor's own totals of a day are not what was counted.
    TotalsDiffer,
    /// They had nothing in them.
    TotalsEmpty,
    /// The last call for them failed.
    TotalsUnread,
    /// Of the exporter: no operation is known before.
    NotLoaded,
    /// Of the exporter: its ledger is missing.
    LedgerGone,
    /// Of the exporter: who reads its log was too slow.
    LogDropped,
    /// Of the exporter: the configuration was to be read again, and can't be used.
    BadConfig,
    /// Of the exporter: the file of TLS and passwords has been changed, and can't be used.
    BadWebFile,
}

/// A few words, what happened, what follows and what to do.
type Words = (&'static str, &'static str, &'static str, &'static str);

/// What the page says of a topic, in one language. `{next}`, `{missing}`, `{difference}`, `{offset}`, `{zones}`,
/// `{rejected}`, `{rows}`, `{calls}`, `{beside}`, `{results}`, `{copied}`, `{status}`, `{day}`, `{again}`, `{lines}` and `{ago}` stand for what is known
/// at run time only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// A few words: for the badge, the summary and the table of polls.
    pub word: &'static str,
    pub happened: &'static str,
    pub follows: &'static str,
    /// What a person should do. "Nothing" stands only where that is true.
    pub to_do: &'static str,
}

/// All that the page says of a state.
pub(super) const fn entry(topic: Topic, lang: Lang) -> Entry {
    let (en, es) = match topic {
        Topic::Starting => (
            (
                "starting",
                "The first poll since the start has not ended yet.",
                "Its answer takes seconds; where wolkvox does not answer, minutes.",
                "Wait for it.",
            ),
            (
                "iniciando",
                "La primera consulta desde el arranque no ha terminado.",
                "La respuesta tarda segundos; si wolkvox no responde, minutos.",
                "Espérela.",
            ),
        ),
        Topic::Current => (
            ("current", "All that was due has been read.", "{next}", "There is nothing to do."),
            ("al día", "Se leyó todo lo que correspondía.", "{next}", "No hay nada que hacer."),
        ),
        Topic::CatchingUp => (
            (
                "catching up",
                "The API answers again; the stretch that was missed is being read, or was read a moment ago.",
                "Totals may rise in one step, for calls that are older. {next}",
                "There is nothing to do.",
            ),
            (
                "recuperando",
                "La API responde de nuevo; el tramo que faltaba se está leyendo, o se leyó hace un momento.",
                "Los totales pueden subir de golpe, por llamadas anteriores. {next}",
                "No hay nada que hacer.",
            ),
        ),
        Topic::OnlyEmpty => (
            (
                "no calls so far",
                "Every answer so far was empty: there have been no calls, or this server doesn't have the report.",
                "{next}",
                "If the operation has had {calls} since then, check `server` in the configuration, and that the \
                 token is of this operation.",
            ),
            (
                "sin llamadas hasta ahora",
                "Todas las respuestas han llegado vacías: no ha habido llamadas, o este servidor no tiene el reporte.",
                "{next}",
                "Si la operación ha tenido {calls} desde entonces, verifique `server` en la configuración y \
                 que el token sea de esta operación.",
            ),
        ),
        Topic::OnlyEmptyBeside => (
            (
                "perhaps not there",
                "Every answer to this report was empty so far, while other reports of the operation have brought {beside} calls \
                 lately: this server may not have the report.",
                "{next} No share of abandoned calls can be told meanwhile.",
                "Ask wolkvox whether this server has the report. If it doesn't, take it out of `reports`: each of its polls \
                 costs a call.",
            ),
            (
                "quizá no existe",
                "Todas las respuestas de este reporte han llegado vacías, mientras otros reportes de la operación han traído \
                 {beside} llamadas hace poco: quizá este servidor no tiene el reporte.",
                "{next} Mientras tanto no se puede decir qué parte de las llamadas se abandona.",
                "Pregunte a wolkvox si este servidor tiene el reporte. Si no lo tiene, quítelo de `reports`: cada \
                 lectura cuesta una consulta del cupo diario.",
            ),
        ),
        Topic::UnknownResults => (
            (
                "unknown results",
                "Rows have a `result` that this exporter doesn't know: {results}.",
                "They are counted, for all that was not abandoned is taken for answered.",
                "If they are no answered calls, please report it.",
            ),
            (
                "resultados desconocidos",
                "Hay filas con un `result` que este exportador no conoce: {results}.",
                "Se cuentan, pues todo lo que no se abandonó se toma por atendido.",
                "Si no son llamadas atendidas, por favor repórtelo.",
            ),
        ),
        Topic::MostRejected => (
            (
                "rows can't be used",
                "Most rows of the last answer can't be used: {rejected} of {rows}. Calls among them are not counted.",
                "{next} What can be read is counted.",
                "`wolkvox_rows_rejected_total` has the reason. If wolkvox has changed the form of its report, please report \
                 it.",
            ),
            (
                "filas inutilizables",
                "La mayoría de las filas de la última respuesta no se puede usar: {rejected} de {rows}. Las llamadas que \
                 haya entre ellas no se cuentan.",
                "{next} Lo que se puede leer se cuenta.",
                "`wolkvox_rows_rejected_total` indica el motivo. Si wolkvox cambió la forma de su reporte, por favor \
                 repórtelo.",
            ),
        ),
        Topic::Call(outcome) => calls::entries(outcome),
        Topic::NoAnswer(cause) => causes::entries(cause),
        Topic::Incomplete => calls::entries(Outcome::Incomplete),
        Topic::TooManyParts => (
            (
                "more than one poll can read",
                "The range holds more rows than one poll may ask for.",
                "The parts that came are counted. {next} It reads on from there.",
                "Wait: each poll brings the data closer to now. If they stay behind, a shorter `interval` lets more \
                 calls be made.",
            ),
            (
                "más de lo que lee una consulta",
                "El rango tiene más filas de las que una consulta puede pedir.",
                "Las partes que llegaron están contadas. {next} Sigue desde ahí.",
                "Espere: cada consulta acerca los datos al presente. Si no se ponen al día, un `interval` más corto \
                 permite hacer más consultas.",
            ),
        ),
        Topic::Broken => (
            (
                "a broken answer",
                "The answer can't be read from some row on, and its range is asked for in smaller and smaller parts.",
                "The parts that could be read are counted. {next} It goes on from there; a second that three polls can't \
                 read is skipped, and counted as such.",
                "Wait for a few polls. If it stays, tell the support of wolkvox that its report is damaged.",
            ),
            (
                "una respuesta dañada",
                "La respuesta no se puede leer desde alguna fila en adelante, y su rango se pide en partes cada vez más \
                 pequeñas.",
                "Las partes que se pudieron leer están contadas. {next} Sigue desde ahí; un segundo que tres consultas no \
                 pueden leer se omite y se cuenta como omitido.",
                "Espere algunas consultas. Si continúa, indique al soporte de wolkvox que su reporte está dañado.",
            ),
        ),
        Topic::Unreadable => (
            (
                "a second can't be read",
                "The answer is broken at one second, however little is asked for; what surrounds it is counted.",
                "{next} It tries that second again; if three polls can't read it, it is skipped and counted as such.",
                "Wait for the next three polls. Tell the support of wolkvox which second it is: the technical text says.",
            ),
            (
                "un segundo ilegible",
                "La respuesta está dañada en un segundo, por poco que se pida; lo que lo rodea está contado.",
                "{next} Vuelve a intentar ese segundo; si tres consultas no pueden leerlo, se omite y se cuenta como \
                 omitido.",
                "Espere las próximas tres consultas. Indique al soporte de wolkvox qué segundo es: lo dice el texto \
                 técnico.",
            ),
        ),
        Topic::Ledger => (
            (
                "ledger can't be written",
                "wolkvox answered, but what it said could not be stored in the ledger, so nothing of it is counted.",
                "{next} It reads the same again; nothing is counted twice. {missing}",
                "See the technical text: usually the disk is full, or the file may no longer be written. Make room or \
                 give the permission back; the exporter then goes on by itself.",
            ),
            (
                "no se puede escribir el registro",
                "wolkvox respondió, pero lo que dijo no se pudo guardar en el registro (ledger), así que no se contó.",
                "{next} Leerá lo mismo otra vez; nada se cuenta dos veces. {missing}",
                "Vea el texto técnico: casi siempre el disco está lleno o ya no se permite escribir el archivo. Libere \
                 espacio o devuelva el permiso; el exportador sigue solo.",
            ),
        ),
        Topic::Zone => (
            (
                "wrong time zone",
                "The dates of the rows are those of UTC{offset}, which is not the configured zone.",
                "Calls are counted at wrong hours, or are not seen at all. Once `timezone` is corrected and the configuration \
                 loaded again, what may have been missed is read again, about a day back.",
                "Set `timezone` of this operation to the zone of its reports. {zones}",
            ),
            (
                "zona horaria equivocada",
                "Las fechas de las filas son las de UTC{offset}, que no es la zona configurada.",
                "Las llamadas se cuentan en horas equivocadas, o no se ven. Cuando se corrija `timezone` y se cargue de nuevo \
                 la configuración, se leerá otra vez lo que pudo faltar, hasta un día atrás.",
                "Ponga en `timezone` de esta operación la zona de sus reportes. {zones}",
            ),
        ),
        Topic::ClockAhead => (
            (
                "clock ahead",
                "This machine's clock is {difference} ahead of the wolkvox server's.",
                "Meanwhile windows are read by the server's clock; times on this page are this machine's.",
                "Set this machine's clock right, and let it be kept so (NTP).",
            ),
            (
                "reloj adelantado",
                "El reloj de esta máquina está {difference} adelantado respecto al del servidor de wolkvox.",
                "Mientras tanto las ventanas se leen según el reloj del servidor; las horas de esta página son las de \
                 esta máquina.",
                "Ponga en hora el reloj de esta máquina y manténgalo sincronizado (NTP).",
            ),
        ),
        Topic::ClockBehind => (
            (
                "clock behind",
                "This machine's clock is {difference} behind the wolkvox server's.",
                "Meanwhile windows are read by the server's clock; times on this page are this machine's.",
                "Set this machine's clock right, and let it be kept so (NTP).",
            ),
            (
                "reloj atrasado",
                "El reloj de esta máquina está {difference} atrasado respecto al del servidor de wolkvox.",
                "Mientras tanto las ventanas se leen según el reloj del servidor; las horas de esta página son las de \
                 esta máquina.",
                "Ponga en hora el reloj de esta máquina y manténgalo sincronizado (NTP).",
            ),
        ),
        Topic::Copy => (
            (
                "restored copy",
                "The ledger is a copy made at {copied}; what came after it is being read again.",
                "Until that is done for all operations, `/metrics` answers 503: nobody is to see totals lower than before. \
                 {missing}",
                "Wait for the next poll. If polls fail, mend what they say.",
            ),
            (
                "copia restaurada",
                "El registro (ledger) es una copia de {copied}; lo que vino después se está leyendo otra vez.",
                "Hasta que eso termine en todas las operaciones, `/metrics` responde 503: nadie debe ver totales más bajos \
                 que antes. {missing}",
                "Espere la próxima consulta. Si las consultas fallan, corrija lo que indican.",
            ),
        ),
        Topic::StartHold => (
            (
                "just started",
                "Prometheus still sees what was shown before the start; this page has what has been read since.",
                "A while after the first scrape (`start_hold`) Prometheus sees all of it, in one step.",
                "If this stays, Prometheus doesn't scrape `/metrics`: see its targets.",
            ),
            (
                "recién iniciado",
                "Prometheus todavía ve lo que se mostraba antes del arranque; esta página tiene lo leído desde entonces.",
                "Un momento después de su primera lectura (`start_hold`) Prometheus lo ve todo, de una vez.",
                "Si esto continúa, Prometheus no está leyendo `/metrics`: vea sus targets.",
            ),
        ),
        Topic::TotalsDiffer => (
            (
                "not what wolkvox's totals say",
                "wolkvox's own totals of {day} are not what was counted: by no reading of them, or by another one than on the \
                 days before, do they come within 1 % or 3 calls.",
                "Nothing is corrected by them. The next day is compared some hours after its end.",
                "See below which skills differ. If it is a few, compare an hour of one of them in wolkvox with the numbers \
                 here; if it is all of them, wolkvox may have changed what its totals contain. Please report a difference that \
                 stays.",
            ),
            (
                "no coincide con los totales de wolkvox",
                "Los totales de wolkvox del {day} no son lo que se contó: con ninguna lectura de ellos, o solo con otra que la \
                 de los días anteriores, quedan a menos de 1 % o de 3 llamadas.",
                "Nada se corrige por ellos. El día siguiente se compara unas horas después de terminar.",
                "Vea abajo qué skills difieren. Si son pocos, compare una hora de uno de ellos en wolkvox con los números de \
                 aquí; si son todos, quizá wolkvox cambió lo que incluyen sus totales. Por favor reporte una diferencia que \
                 continúe.",
            ),
        ),
        Topic::TotalsEmpty => (
            (
                "wolkvox's totals empty",
                "wolkvox's own totals of {day} came empty. That proves nothing: a server that doesn't have that report \
                 (skill_1) answers so as well.",
                "They are asked for once a day; that day is not compared.",
                "Ask wolkvox whether this server has the report. If it doesn't, take `totals` out of `reports`.",
            ),
            (
                "totales de wolkvox vacíos",
                "Los totales de wolkvox del {day} llegaron vacíos. Eso no prueba nada: un servidor que no tiene ese reporte \
                 (skill_1) responde lo mismo.",
                "Se consultan una vez al día; ese día no se compara.",
                "Pregunte a wolkvox si este servidor tiene el reporte. Si no lo tiene, quite `totals` de `reports`.",
            ),
        ),
        Topic::TotalsUnread => (
            (
                "wolkvox's totals not read",
                "The last call for wolkvox's own totals of a day brought nothing that can be compared.",
                "{again} What is counted does not depend on them.",
                "See the technical text. If the other polls fail too, mend that first; if only this one stays, tell wolkvox \
                 support, or take `totals` out of `reports`.",
            ),
            (
                "totales de wolkvox sin leer",
                "La última consulta de los totales de wolkvox de un día no trajo nada que se pueda comparar.",
                "{again} Lo que se cuenta no depende de ellos.",
                "Vea el texto técnico. Si las otras consultas también fallan, corrija eso primero; si solo falla esta, avise \
                 al soporte de wolkvox, o quite `totals` de `reports`.",
            ),
        ),
        Topic::LedgerGone => (
            (
                "ledger gone",
                "The ledger is missing from its place, and can't be written back there so far.",
                "Nothing is counted meanwhile; what this page and `/metrics` show was stored before. The exporter tries once \
                 a second, and then reads what is missing.",
                "Put its folder back, or mount its disk again, while the exporter runs: what it holds is lost if it is stopped \
                 now. The log has more.",
            ),
            (
                "falta el registro",
                "El registro (ledger) no está en su lugar, y por ahora no se puede volver a escribir ahí.",
                "Mientras tanto no se cuenta nada; lo que muestran esta página y `/metrics` se guardó antes. El exportador lo \
                 intenta cada segundo, y después lee lo que falta.",
                "Restablezca su carpeta, o monte otra vez su disco, con el exportador en marcha: lo que tiene se pierde si se \
                 detiene ahora. El log dice más.",
            ),
        ),
        Topic::NotLoaded => (
            (
                "not loaded yet",
                "The ledger is not open and loaded yet.",
                "It takes seconds, also for a large ledger. Until then `/metrics` answers 503, so that nobody takes missing \
                 totals for zeros.",
                "Wait for it. If it stays, see the log.",
            ),
            (
                "aún sin cargar",
                "El registro (ledger) aún no está abierto y cargado.",
                "Tarda segundos, aunque el registro sea grande. Mientras tanto `/metrics` responde 503, para que nadie tome \
                 por ceros los totales que faltan.",
                "Espérelo. Si continúa, vea el log.",
            ),
        ),
        Topic::BadConfig => (
            (
                "configuration not in force",
                "The configuration was read again (SIGHUP or `/-/reload`) and is not in force.",
                "What was in force before stays so; the operations are read as before.",
                "Do what the message says, and have the file read again: `check-config` tells beforehand whether it can be used.",
            ),
            (
                "configuración no vigente",
                "La configuración se leyó de nuevo (SIGHUP o `/-/reload`) y no está vigente.",
                "Sigue vigente la anterior; las operaciones se leen como antes.",
                "Haga lo que dice el mensaje y pida leer el archivo otra vez: `check-config` dice antes si se puede usar.",
            ),
        ),
        Topic::BadWebFile => (
            (
                "web configuration can't be used",
                "The file of TLS and passwords (`--web.config.file`), or one that it names, has been changed and can't be used.",
                "What was read before stays in force: passwords and certificates are those of before the change.",
                "Mend the file: it is read again as soon as it changes. Where the message asks for a restart, it takes one.",
            ),
            (
                "configuración web inutilizable",
                "El archivo de TLS y contraseñas (`--web.config.file`), o uno que él nombra, cambió y no se puede usar.",
                "Sigue vigente lo leído antes: las contraseñas y los certificados son los de antes del cambio.",
                "Corrija el archivo: se lee de nuevo en cuanto cambia. Si el mensaje pide reiniciar el exportador, hay que hacerlo.",
            ),
        ),
        Topic::LogDropped => (
            (
                "log lines dropped",
                "{lines} lines of the log were lost since the start, the last {ago} ago: whoever reads it was too slow or has \
                 gone, or its disk was full.",
                "Polls and scrapes don't wait for it; what those lines said is lost.",
                "See where the standard error of the exporter goes (journal, container engine, a pipe, a file): whether it is \
                 still read, and has room.",
            ),
            (
                "líneas de log perdidas",
                "Se perdieron {lines} líneas del log desde el arranque, la última hace {ago}: quien lo lee fue muy lento o ya no \
                 está, o su disco estaba lleno.",
                "Las consultas y las lecturas de Prometheus no lo esperan; lo que decían esas líneas se perdió.",
                "Vea a dónde va la salida de errores del exportador (journal, motor de contenedores, un pipe, un archivo): si \
                 todavía se lee y si hay espacio.",
            ),
        ),
    };
    let (word, happened, follows, to_do) = match lang {
        Lang::En => en,
        Lang::Es => es,
    };
    Entry { word, happened, follows, to_do }
}
