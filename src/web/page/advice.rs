use super::Lang;
use domain::outcome::Outcome;

use crate::operation::ended::Trouble;

/// What a poll's outcome means to people, in one language.
pub(super) struct Advice {
    /// A few words, for a table.
    pub short: &'static str,
    /// A sentence: what happened.
    pub happened: &'static str,
    /// Sentences: what a person should do, or that nobody need do anything.
    pub to_do: &'static str,
}

/// The words for what was wrong with a poll.
pub(super) const fn advice(trouble: &Trouble, lang: Lang) -> Advice {
    let (en, es) = match trouble {
        Trouble::Call(failure) => return of_outcome(failure.outcome, lang),
        Trouble::Incomplete { .. } => return of_outcome(Outcome::Incomplete, lang),
        Trouble::TooManyParts { .. } => (
            (
                "more parts to read",
                "The range had to be read in more parts than one poll has calls.",
                "Nothing: what was read is counted, and the next poll goes on from there.",
            ),
            (
                "faltan partes por leer",
                "El rango tuvo que leerse en más partes de las que caben en una consulta.",
                "Nada: lo leído ya está contado, y la próxima consulta sigue desde ahí.",
            ),
        ),
        Trouble::Ledger(_) => (
            (
                "ledger not written",
                "The rows came, and the ledger could not be written: nothing of them is counted yet.",
                "Look at the ledger's disk: is it full, read-only or gone? As soon as it can be written the rows are read \
                 again and counted.",
            ),
            (
                "registro sin escribir",
                "Las filas llegaron, pero el registro (ledger) no se pudo escribir: todavía no se ha contado ninguna.",
                "Revise el disco del registro: ¿está lleno, en solo lectura o ausente? En cuanto se pueda escribir, las \
                 filas se vuelven a leer y se cuentan.",
            ),
        ),
        Trouble::Early { .. } => (
            (
                "this host's clock is ahead",
                "By the server's clock the range has not ended yet: the clock of this host is ahead.",
                "Set the clock of this host right (NTP). Until then windows are read by the server's clock.",
            ),
            (
                "el reloj de este equipo está adelantado",
                "Según el reloj del servidor el rango aún no termina: el reloj de este equipo está adelantado.",
                "Ponga en hora el reloj de este equipo (NTP). Mientras tanto se lee según el reloj del servidor.",
            ),
        ),
    };
    told(en, es, lang)
}

type Words = (&'static str, &'static str, &'static str);

const fn told(en: Words, es: Words, lang: Lang) -> Advice {
    let (short, happened, to_do) = match lang {
        Lang::En => en,
        Lang::Es => es,
    };
    Advice { short, happened, to_do }
}

/// The words for how a call ended.
pub(super) const fn of_outcome(outcome: Outcome, lang: Lang) -> Advice {
    let (en, es) = match outcome {
        Outcome::Ok => (
            ("rows received", "The API answered with rows.", "Nothing."),
            ("filas recibidas", "La API respondió con filas.", "Nada."),
        ),
        Outcome::Empty => (
            ("no rows in the range", "The API answered that there are no rows in the range.", "Nothing."),
            ("sin filas en el rango", "La API respondió que no hay filas en el rango.", "Nada."),
        ),
        Outcome::Unauthorized => (
            (
                "token refused or missing",
                "wolkvox refused the token, or there is no token to send.",
                "Check in wolkvox Manager that the token exists and belongs to this operation, and write it into the \
                 token file. The file is read again by itself.",
            ),
            (
                "token rechazado o ausente",
                "wolkvox rechazó el token, o no hay token que enviar.",
                "Verifique en wolkvox Manager que el token exista y sea de esta operación, y escríbalo en el archivo \
                 del token. El archivo se vuelve a leer solo.",
            ),
        ),
        Outcome::QuotaExceeded => (
            (
                "day's calls used up",
                "The operation has used up the calls that wolkvox allows in a day.",
                "Find out what else calls the API with the operation's tokens; this exporter needs 12 calls an hour \
                 at the usual interval of 5 minutes. wolkvox can raise the limit.",
            ),
            (
                "cupo diario agotado",
                "La operación agotó las consultas a la API que wolkvox permite en un día.",
                "Averigüe qué más consulta la API con los tokens de la operación; este exportador necesita 12 \
                 consultas por hora con el intervalo usual de 5 minutos. wolkvox puede ampliar el cupo.",
            ),
        ),
        Outcome::Busy => (
            (
                "token in use elsewhere",
                "Somebody else was using the token at the same moment, or wolkvox asked for fewer calls.",
                "Nothing, if it passes. If it stays, give the exporter a token that nothing else uses.",
            ),
            (
                "token en uso",
                "Alguien más estaba usando el token en ese momento, o wolkvox pidió menos consultas.",
                "Nada, si se normaliza. Si continúa, dele al exportador un token que nadie más use.",
            ),
        ),
        Outcome::Maintenance => (
            (
                "refused for now",
                "wolkvox refused the call with a text that is not a known error: usually maintenance, such as a backup.",
                "Nothing, if it passes within the hour. If it stays, ask wolkvox about the text below.",
            ),
            (
                "rechazada por ahora",
                "wolkvox rechazó la consulta con un texto que no es un error conocido: suele ser mantenimiento, como \
                 una copia de seguridad.",
                "Nada, si se normaliza en menos de una hora. Si continúa, pregunte a wolkvox por el texto de abajo.",
            ),
        ),
        Outcome::BadRequest => (
            (
                "question refused",
                "wolkvox does not accept the question itself.",
                "Check the server in the configuration. If it is right, this is a defect of the exporter: please \
                 report it with the text below.",
            ),
            (
                "consulta no aceptada",
                "wolkvox no acepta la consulta en sí.",
                "Verifique el servidor en la configuración. Si está bien, es un defecto del exportador: por favor \
                 repórtelo con el texto de abajo.",
            ),
        ),
        Outcome::ServerError => (
            (
                "server error",
                "The wolkvox server failed while answering.",
                "Nothing, if it passes. If it stays, tell wolkvox support.",
            ),
            (
                "error del servidor",
                "El servidor de wolkvox falló al responder.",
                "Nada, si se normaliza. Si continúa, avise al soporte de wolkvox.",
            ),
        ),
        Outcome::Timeout => (
            (
                "no answer in time",
                "wolkvox did not finish its answer in time.",
                "Nothing, if it passes. If it stays, look at the line to wolkvox, and at `timeout` in the configuration.",
            ),
            (
                "sin respuesta a tiempo",
                "wolkvox no terminó su respuesta a tiempo.",
                "Nada, si se normaliza. Si continúa, revise la conexión con wolkvox y `timeout` en la configuración.",
            ),
        ),
        Outcome::Connect => (
            (
                "no connection",
                "There was no connection to the wolkvox server, or it broke before an answer began.",
                "Check that this machine reaches the server, and that its public IP address is registered in wolkvox: \
                 calls from other addresses are left without an answer.",
            ),
            (
                "sin conexión",
                "No hubo conexión con el servidor de wolkvox, o se cortó antes de que empezara la respuesta.",
                "Verifique que esta máquina llegue al servidor y que su dirección IP pública esté registrada en \
                 wolkvox: las consultas desde otras direcciones quedan sin respuesta.",
            ),
        ),
        Outcome::Malformed => (
            (
                "unreadable answer",
                "The answer could not be read: it is not the JSON of the report, or it was cut off.",
                "Nothing, if it passes. If it stays, check that the server's name is right and that no proxy stands in \
                 between; else please report it with the text below.",
            ),
            (
                "respuesta ilegible",
                "La respuesta no se pudo leer: no es el JSON del informe, o llegó cortada.",
                "Nada, si se normaliza. Si continúa, verifique que el nombre del servidor sea correcto y que no haya un \
                 proxy de por medio; si no, por favor repórtelo con el texto de abajo.",
            ),
        ),
        Outcome::Incomplete => (
            (
                "incomplete answer",
                "The answer had fewer rows than it announced, or so many that wolkvox may have left some out.",
                "Nothing: the range is read again in smaller parts.",
            ),
            (
                "respuesta incompleta",
                "La respuesta trajo menos filas de las que anunció, o tantas que wolkvox pudo omitir algunas.",
                "Nada: el rango se vuelve a leer en partes más pequeñas.",
            ),
        ),
    };
    told(en, es, lang)
}
