use super::Words;
use crate::wolkvox::Cause;

/// What is said of a cause for which no call was answered, in English and Spanish.
pub(super) const fn entries(cause: Cause) -> (Words, Words) {
    let ([word, happened, to_do], [palabra, ocurrido, hacer]) = words(cause);
    ((word, happened, FOLLOWS, to_do), (palabra, ocurrido, FOLLOWS, hacer))
}

const FOLLOWS: &str = "{next} {missing}";

/// A few words, what happened and what to do.
const fn words(cause: Cause) -> ([&'static str; 3], [&'static str; 3]) {
    match cause {
        Cause::NoAnswer => (
            [
                "server doesn't answer",
                "The connection timed out: no answer at all came from the wolkvox server.",
                "Register the public IP address of this machine in wolkvox: calls from other addresses are left without an \
                 answer. If it is registered, see whether it has changed, and whether a firewall lets calls out.",
            ],
            [
                "el servidor no responde",
                "Se agotó el tiempo de espera: el servidor de wolkvox no dio ninguna respuesta.",
                "Registre en wolkvox la dirección IP pública de esta máquina: las consultas desde otras direcciones quedan \
                 sin respuesta. Si está registrada, vea si cambió y si un firewall permite la salida.",
            ],
        ),
        Cause::Name => (
            [
                "name not found",
                "The name of the wolkvox server could not be resolved (DNS).",
                "Check `server` in the configuration, and that this machine can resolve names of the internet.",
            ],
            [
                "nombre no encontrado",
                "El nombre del servidor de wolkvox no se pudo resolver (DNS).",
                "Verifique `server` en la configuración y que esta máquina pueda resolver nombres de internet.",
            ],
        ),
        Cause::NothingListens => (
            [
                "connection refused",
                "The server was reached, and nothing takes calls at that address.",
                "Check the address and port of `server` in the configuration. Where they are right, a firewall may refuse the \
                 connection, or the server is being started again.",
            ],
            [
                "conexión rechazada",
                "Se llegó al servidor, pero nada atiende en esa dirección.",
                "Verifique la dirección y el puerto de `server` en la configuración. Si están bien, puede que un firewall \
                 rechace la conexión o que el servidor se esté reiniciando.",
            ],
        ),
        Cause::NoRoute => (
            [
                "no route",
                "This machine has no way to the wolkvox server.",
                "Look at the network of this machine: its cable, its gateway, its VPN. If calls go through a proxy, set \
                 `HTTPS_PROXY`.",
            ],
            [
                "sin ruta",
                "Esta máquina no tiene camino hacia el servidor de wolkvox.",
                "Revise la red de esta máquina: cable, puerta de enlace, VPN. Si se sale por un proxy, defina \
                 `HTTPS_PROXY`.",
            ],
        ),
        Cause::NoProxy => (
            [
                "proxy not reached",
                "The proxy that `HTTPS_PROXY` names could not be reached.",
                "Check its address and that it runs; or unset `HTTPS_PROXY` if the server is reached without one.",
            ],
            [
                "no se llega al proxy",
                "No se pudo llegar al proxy que indica `HTTPS_PROXY`.",
                "Verifique su dirección y que esté en marcha; o quite `HTTPS_PROXY` si al servidor se llega sin proxy.",
            ],
        ),
        Cause::ProxyPassword => (
            [
                "proxy wants a password",
                "The proxy refused the connection (407): it wants a user and a password.",
                "Write them into `HTTPS_PROXY` before the host, as `user:password@host`.",
            ],
            [
                "el proxy pide contraseña",
                "El proxy rechazó la conexión (407): pide usuario y contraseña.",
                "Escríbalos en `HTTPS_PROXY` antes del host, así: `usuario:clave@host`.",
            ],
        ),
        Cause::ProxyRefused(_) => (
            [
                "refused by the proxy",
                "The proxy refused to connect to the wolkvox server{status}.",
                "Ask those who run the proxy to allow the server; or name the server in `NO_PROXY` if it is reached without \
                 one.",
            ],
            [
                "rechazada por el proxy",
                "El proxy se negó a conectar con el servidor de wolkvox{status}.",
                "Pida a quienes administran el proxy que permitan el servidor; o ponga el servidor en `NO_PROXY` si se llega \
                 sin proxy.",
            ],
        ),
        Cause::UnknownIssuer => (
            [
                "certificate not trusted",
                "The certificate that was shown is from an authority that this machine doesn't trust. No token was sent.",
                "If your company opens TLS on the way (proxy, firewall), put its authority into the file that \
                 `SSL_CERT_FILE` names. Else somebody else answers for the server: don't go on.",
            ],
            [
                "certificado no confiable",
                "El certificado presentado es de una autoridad en la que esta máquina no confía. No se envió ningún token.",
                "Si su empresa abre TLS en el camino (proxy, firewall), ponga su autoridad en el archivo que indica \
                 `SSL_CERT_FILE`. Si no, alguien responde en lugar del servidor: no siga.",
            ],
        ),
        Cause::WrongHost => (
            [
                "certificate of another name",
                "The certificate that was shown is for another name than the server's. No token was sent.",
                "Check `server` in the configuration. If it is right, something on the way answers in its place.",
            ],
            [
                "certificado de otro nombre",
                "El certificado presentado es de otro nombre que el del servidor. No se envió ningún token.",
                "Verifique `server` en la configuración. Si está bien, algo en el camino responde en su lugar.",
            ],
        ),
        Cause::Expired => (
            [
                "certificate not valid now",
                "The certificate that was shown has expired, or is not valid yet. No token was sent.",
                "Check the clock of this machine. If it is right, the certificate is to be renewed by whoever runs the server, \
                 or what opens TLS on the way.",
            ],
            [
                "certificado fuera de fecha",
                "El certificado presentado venció o todavía no es válido. No se envió ningún token.",
                "Verifique el reloj de esta máquina. Si está en hora, debe renovar el certificado quien administra el \
                 servidor, o lo que abre TLS en el camino.",
            ],
        ),
        Cause::Tls => (
            [
                "TLS failed",
                "No secure connection could be made. No token was sent.",
                "Show the technical text to those who run the network: something on the way may spoil TLS.",
            ],
            [
                "falló TLS",
                "No se pudo establecer una conexión segura. No se envió ningún token.",
                "Muestre el texto técnico a quienes administran la red: algo en el camino puede dañar TLS.",
            ],
        ),
        Cause::Lost => (
            [
                "connection lost",
                "The connection broke before an answer began.",
                "See whether the next polls succeed. If it stays, look at the line to wolkvox, and at what is on the way.",
            ],
            [
                "conexión cortada",
                "La conexión se cortó antes de que empezara la respuesta.",
                "Espere a ver si las próximas consultas funcionan. Si continúa, revise la línea hacia wolkvox y lo que haya \
                 en el camino.",
            ],
        ),
        Cause::Machine => (
            [
                "trouble of this machine",
                "This machine could not do its part of the call.",
                "See the technical text: for too many open files, raise the limit (`ulimit -n`, `LimitNOFILE`); for a fault of \
                 a disk or a network folder, mend it.",
            ],
            [
                "problema de esta máquina",
                "Esta máquina no pudo hacer su parte de la consulta.",
                "Vea el texto técnico: si hay demasiados archivos abiertos, suba el límite (`ulimit -n`, `LimitNOFILE`); si \
                 falla un disco o una carpeta de red, repárelo.",
            ],
        ),
        Cause::Page => (
            [
                "refused by a page",
                "A page refused the call before it came to the API, as a firewall does.",
                "Check that the public IP address of this machine is registered in wolkvox. If it is, show the technical text \
                 to those who run the network: a firewall or proxy on the way may answer in wolkvox's place.",
            ],
            [
                "rechazada por una página",
                "Una página rechazó la consulta antes de llegar a la API, como hace un firewall.",
                "Verifique que la dirección IP pública de esta máquina esté registrada en wolkvox. Si lo está, muestre el \
                 texto técnico a quienes administran la red: un firewall o proxy puede responder en lugar de wolkvox.",
            ],
        ),
    }
}
