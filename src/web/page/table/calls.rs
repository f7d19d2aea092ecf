use domain::outcome::Outcome;

use super::Words;

/// How a call ended, where no cause says more: in English and in Spanish.
pub(super) const fn entries(outcome: Outcome) -> (Words, Words) {
    match outcome {
        Outcome::Ok => (
            ("rows received", "The API answered with rows.", "{next}", "There is nothing to do."),
            ("filas recibidas", "La API respondió con filas.", "{next}", "No hay nada que hacer."),
        ),
        Outcome::Empty => (
            (
                "no rows in the range",
                "The API answered that there are no rows in the range.",
                "{next}",
                "There is nothing to do.",
            ),
            (
                "sin filas en el rango",
                "La API respondió que no hay filas en el rango.",
                "{next}",
                "No hay nada que hacer.",
            ),
        ),
        Outcome::Unauthorized => (
            (
                "token refused or missing",
                "wolkvox refused the token, or there is no token to send.",
                "{next} Each further refusal doubles the pause; a changed token ends it within 10 seconds.",
                "Check in wolkvox Manager that the token exists and belongs to this operation, and write it into the \
                 token file. The file is read again by itself.",
            ),
            (
                "token rechazado o ausente",
                "wolkvox rechazó el token, o no hay token que enviar.",
                "{next} Cada nuevo rechazo duplica la pausa; un token distinto la termina en 10 segundos.",
                "Verifique en wolkvox Manager que el token exista y sea de esta operación, y escríbalo en el archivo \
                 del token. El archivo se vuelve a leer solo.",
            ),
        ),
        Outcome::QuotaExceeded => (
            (
                "day's calls used up",
                "The operation has used up the calls that wolkvox allows in a day.",
                "{next} Until the operation's midnight it is tried now and then only; what is missing is read \
                 afterwards.",
                "Find out what else calls the API with the operation's tokens; this exporter needs 12 calls an hour \
                 for each report at the usual interval of 5 minutes. wolkvox can raise the limit.",
            ),
            (
                "cupo diario agotado",
                "La operación agotó las consultas a la API que wolkvox permite en un día.",
                "{next} Hasta la medianoche de la operación solo se intenta de vez en cuando; lo que falta se lee \
                 después.",
                "Averigüe qué más consulta la API con los tokens de la operación; este exportador necesita 12 \
                 consultas por hora por cada reporte con el intervalo usual de 5 minutos. wolkvox puede ampliar el cupo.",
            ),
        ),
        Outcome::Busy => (
            (
                "token in use elsewhere",
                "Somebody else was using the token at the same moment, or wolkvox asked for fewer calls.",
                "{next} {missing}",
                "See whether the next polls succeed. If it stays, give the exporter a token that nothing else uses.",
            ),
            (
                "token en uso",
                "Alguien más estaba usando el token en ese momento, o wolkvox pidió menos consultas.",
                "{next} {missing}",
                "Espere a ver si las próximas consultas funcionan. Si continúa, dele al exportador un token que nadie \
                 más use.",
            ),
        ),
        Outcome::Maintenance => (
            (
                "refused for now",
                "The call was refused with a text that is not a known error: wolkvox in maintenance, or something in \
                 between, such as a firewall.",
                "{next} {missing}",
                "Wait up to an hour: maintenance passes. If it stays, show the technical text to wolkvox support, and \
                 to those who run the network.",
            ),
            (
                "rechazada por ahora",
                "La consulta fue rechazada con un texto que no es un error conocido: wolkvox en mantenimiento, o algo \
                 de por medio, como un firewall.",
                "{next} {missing}",
                "Espere hasta una hora: el mantenimiento pasa. Si continúa, muestre el texto técnico al soporte de \
                 wolkvox y a quienes administran la red.",
            ),
        ),
        Outcome::BadRequest => (
            (
                "question refused",
                "wolkvox does not accept the question itself.",
                "{next} Each further refusal doubles the pause; a changed configuration ends it.",
                "Check the server in the configuration. If it is right, this is a defect of the exporter: please \
                 report it with the technical text.",
            ),
            (
                "consulta no aceptada",
                "wolkvox no acepta la consulta en sí.",
                "{next} Cada nuevo rechazo duplica la pausa; una configuración distinta la termina.",
                "Verifique el servidor en la configuración. Si está bien, es un defecto del exportador: por favor \
                 repórtelo con el texto técnico.",
            ),
        ),
        Outcome::ServerError => (
            (
                "server error",
                "The wolkvox server failed while answering.",
                "{next} {missing}",
                "See whether the next polls succeed. If it stays, tell wolkvox support.",
            ),
            (
                "error del servidor",
                "El servidor de wolkvox falló al responder.",
                "{next} {missing}",
                "Espere a ver si las próximas consultas funcionan. Si continúa, avise al soporte de wolkvox.",
            ),
        ),
        Outcome::Timeout => (
            (
                "no answer in time",
                "wolkvox did not finish its answer in time.",
                "{next} {missing}",
                "See whether the next polls succeed. If it stays, look at the line to wolkvox, and at `timeout` in the \
                 configuration.",
            ),
            (
                "sin respuesta a tiempo",
                "wolkvox no terminó su respuesta a tiempo.",
                "{next} {missing}",
                "Espere a ver si las próximas consultas funcionan. Si continúa, revise la conexión con wolkvox y \
                 `timeout` en la configuración.",
            ),
        ),
        Outcome::Connect => (
            (
                "no connection",
                "There was no connection to the wolkvox server, or it broke before an answer began.",
                "{next} {missing}",
                "Check that this machine reaches the server, and that its public IP address is registered in wolkvox: \
                 calls from other addresses are left without an answer.",
            ),
            (
                "sin conexión",
                "No hubo conexión con el servidor de wolkvox, o se cortó antes de que empezara la respuesta.",
                "{next} {missing}",
                "Verifique que esta máquina llegue al servidor y que su dirección IP pública esté registrada en \
                 wolkvox: las consultas desde otras direcciones quedan sin respuesta.",
            ),
        ),
        Outcome::Malformed => (
            (
                "unreadable answer",
                "The answer could not be read: it is not the JSON of the report, or it was cut off.",
                "{next} {missing}",
                "See whether the next polls succeed. If it stays, check that the server's name is right and that no \
                 proxy stands in between; else please report it with the technical text.",
            ),
            (
                "respuesta ilegible",
                "La respuesta no se pudo leer: no es el JSON del reporte, o llegó cortada.",
                "{next} {missing}",
                "Espere a ver si las próximas consultas funcionan. Si continúa, verifique que el nombre del servidor \
                 sea correcto y que no haya un proxy de por medio; si no, por favor repórtelo con el texto técnico.",
            ),
        ),
        Outcome::Incomplete => (
            (
                "incomplete answer",
                "The answer had fewer rows than it announced, or so many that wolkvox may have left some out.",
                "What came whole is counted. {next} It reads the rest, in smaller parts.",
                "Wait for the next three polls: a shortfall that stays is then believed, and counted as rows missing. \
                 If answers keep coming short, tell wolkvox support.",
            ),
            (
                "respuesta incompleta",
                "La respuesta trajo menos filas de las que anunció, o tantas que wolkvox pudo omitir algunas.",
                "Lo que llegó entero está contado. {next} Leerá el resto, en partes más pequeñas.",
                "Espere las próximas tres consultas: una diferencia que se mantiene se da por cierta y se cuenta como \
                 filas faltantes. Si las respuestas siguen llegando cortas, avise al soporte de wolkvox.",
            ),
        ),
    }
}
