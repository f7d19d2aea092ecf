//! What one answer means, on the real binary against a server that sends bytes word for word: outcomes, bad bytes, bodies
//! that unpack into floods, and what of a refusal is repeated.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use simulator::faults::Fault;

use crate::support::child::{Child, command};
use crate::support::scrape::Scrape;
use crate::support::sim::quiet;
use crate::support::{Folder, Sim, at_once, run};

/// A head behind its `HTTP/1.1 `, without a length, and a body. `{date}` stands for a date of the range that was asked for.
#[derive(Clone)]
struct Answer {
    head: String,
    body: Vec<u8>,
    /// Makes the body of the first and the last second that are asked for.
    of_range: Option<Arc<OfRange>>,
}

type OfRange = dyn Fn(DateTime, DateTime) -> String + Send + Sync;

fn answer(head: &str, body: impl AsRef<[u8]>) -> Answer {
    Answer { head: head.to_owned(), body: body.as_ref().to_vec(), of_range: None }
}

/// A server that gives each operation one answer, again and again; operations are told apart by their tokens.
struct Server {
    address: SocketAddr,
    /// How many requests each token has made.
    requests: Arc<Mutex<HashMap<String, u32>>>,
}

impl Server {
    fn start(answers: HashMap<String, Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::<Mutex<HashMap<String, u32>>>::default();
        let (answers, counted) = (Arc::new(answers), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, counted) = (answers.clone(), counted.clone());
                thread::spawn(move || reply(stream, &answers, &counted));
            }
        });
        Self { address, requests }
    }
}

/// Whoever hangs up gets no more: that is the client's affair.
fn reply(mut stream: TcpStream, answers: &HashMap<String, Answer>, requests: &Mutex<HashMap<String, u32>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    let request = String::from_utf8(request).expect("ASCII");
    let after = |text: &str| request.split(text).nth(1).and_then(|rest| rest.split_whitespace().next());
    let token = after("wolkvox-token: ").expect("a token").to_owned();
    let [begin, end] = ["date_ini=", "date_end="].map(|name| after(name).expect("a range").split('&').next().unwrap());
    let Answer { head, body, of_range } = &answers[&token];
    *requests.lock().expect("no panic").entry(token).or_default() += 1;
    let date = format!("{}-{}-{} {}:{}:{}", &end[..4], &end[4..6], &end[6..8], &end[8..10], &end[10..12], &end[12..14]);
    let second = |text| DateTime::strptime("%Y%m%d%H%M%S", text).expect("a date");
    let body = match (of_range, std::str::from_utf8(body)) {
        (Some(of_range), _) => of_range(second(begin), second(end)).into_bytes(),
        (None, Ok(text)) => text.replace("{date}", &date).into_bytes(),
        (None, Err(_)) => body.clone(),
    };
    let length = if head.contains("204") { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let _ = stream.write_all(format!("HTTP/1.1 {head}\r\n{length}\r\n").as_bytes());
    let _ = stream.write_all(&body);
}

/// The exporter after each operation's first poll has ended.
struct Polled {
    exporter: Child,
    server: Server,
    scrape: Scrape,
    folder: tempfile::TempDir,
}

/// Polls operations that have these names, tokens and answers, all at once.
fn poll(operations: &[(&str, &str, Answer)]) -> Polled {
    // One window is due at the start, and no other while a test lasts.
    poll_each("1h", operations)
}

fn poll_each(interval: &str, operations: &[(&str, &str, Answer)]) -> Polled {
    poll_with(&format!("interval: {interval}, settle: 0s, start: 6h"), operations)
}

fn poll_with(settings: &str, operations: &[(&str, &str, Answer)]) -> Polled {
    let answers = operations.iter().map(|(_, token, answer)| (token.to_string(), answer.clone())).collect();
    let server = Server::start(answers);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut config = format!(
        "ledger: {:?}\ndefaults: {{{settings}, hold: 0s, timezone: America/Bogota}}\noperations:\n",
        folder.path().join("ledger.db")
    );
    for (name, token, _) in operations {
        let file = folder.path().join(format!("token-{name}"));
        std::fs::write(&file, token).expect("a folder of this test");
        config.push_str(&format!(
            "  - {{name: {name:?}, server: \"http://{}\", token_file: {file:?}}}\n",
            server.address
        ));
    }
    std::fs::write(folder.path().join("config.yml"), config).expect("a folder of this test");
    let mut command = command(&["--web.listen-address", "127.0.0.1:0"]);
    command.arg("--config.file").arg(folder.path().join("config.yml")).current_dir(folder.path());
    let exporter = Child::start(command);
    // All first polls have ended.
    exporter.wait_for_lines(operations.len(), &["the poll "]);
    let scrape = exporter.scrape();
    Polled { exporter, server, scrape, folder }
}

/// Asks that each answer has its outcome and no other.
fn check(cases: &[(Answer, &str)]) -> Polled {
    let names: Vec<String> = (0..cases.len()).map(|at| format!("case{at:03}")).collect();
    let operations: Vec<_> =
        names.iter().zip(cases).map(|(name, (answer, _))| (name.as_str(), name.as_str(), answer.clone())).collect();
    let polled = poll(&operations);
    let mut wrong = Vec::new();
    for (name, (answer, expected)) in names.iter().zip(cases) {
        let of = [("operation", name.as_str())];
        let polls = polled.scrape.all("wolkvox_polls_total", &of);
        let others: Vec<_> =
            polls.filter(|sample| sample.value > 0.0).map(|sample| &sample.labels["outcome"]).collect();
        if others != [expected] {
            let body: String = String::from_utf8_lossy(&answer.body).chars().take(100).collect();
            wrong.push(format!("{} {body}: {others:?} instead of {expected}", answer.head));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    polled
}

const ROW: &str = r#"{"skill_name":"Ventas","skill_id":"4173","conn_id":"1.1768782812.1","date":"{date}","result":"ABANDON","abandon_time":"37","type_interaction":"inbound"}"#;

fn report(rows: &[&str]) -> String {
    format!(r#"{{"code":"200","error":null,"msg":"{} records were found","data":[{}]}}"#, rows.len(), rows.join(","))
}

#[test]
fn what_is_no_answer_of_the_report_is_malformed() {
    let json = "200 OK\r\ncontent-type: application/json";
    let held = r#"{"error":"please log in"}"#;
    let mut cases = vec![
        (answer(json, r#"{"message":"Endpoint request timed out"}"#), "malformed"),
        (answer(json, r#"{"status":"ok"}"#), "malformed"),
        (answer(json, "{}"), "malformed"),
        (answer("202 Accepted", r#"{"code":"202","error":null,"msg":"The report is being generated"}"#), "malformed"),
        (answer("202 Accepted", r#"{"code":"200","error":null,"msg":"being generated","data":[]}"#), "malformed"),
        (answer(json, r#"{"code":"202","msg":"being generated"}"#), "malformed"),
        (answer("204 No Content", ""), "malformed"),
        (answer("404 Not Found", r#"{"message":"no Route matched with those values"}"#), "malformed"),
        (answer("404 Not Found", "{}"), "malformed"),
        (answer("206 Partial Content", report(&[ROW]).replace("1 records were found", "")), "malformed"),
        (answer("408 Request Timeout", ""), "timeout"),
        (answer("408 Request Timeout", "<html>Request timed out</html>"), "timeout"),
        (answer(json, r#"{"code":"408","msg":"slow"}"#), "timeout"),
        (answer("425 Too Early", ""), "busy"),
        (answer("425 Too Early", r#"{"code":"425","msg":"TOO EARLY"}"#), "busy"),
        (answer(json, r#"{"code":425}"#), "busy"),
        // Evidence, for comparison.
        (answer(json, r#"{"code":"200","error":null,"msg":"0 records were found","data":[]}"#), "empty"),
        (answer(json, r#"{"data":null}"#), "empty"),
        (answer("404 Not Found", r#"{"code":"404","msg":"Validate dates entered"}"#), "empty"),
        (answer(json, "Validate dates entered"), "empty"),
        (answer(json, report(&[ROW])), "ok"),
    ];
    for page in
        ["<!-- login --><form>{}", "<?xml version=\"1.0\"?><p>{}", "<script>x={}", "<title>Log in</title>{}", "<div>{}"]
    {
        cases.push((answer("200 OK\r\ncontent-type: text/html", page.replace("{}", held)), "malformed"));
        cases.push((answer("404 Not Found", page.replace("{}", held)), "malformed"));
    }
    // Cut in the last row, where what it has within looks like more rows and like the end of all; the count fits that.
    for (inside, count) in [
        (r#""parts":[{"a":1}],"c":3"#, "3 records were found"),
        (r#""parts":[{"a":1},{"b":2}],"c":3"#, ""),
        (r#""parts":[1,2]"#, "2 records were found"),
        (r#""parts":{"list":[[1],{}]}"#, "2 records were found"),
    ] {
        let last = format!("{},{inside}}}", ROW.trim_end_matches('}'));
        let whole = report(&[ROW, &last]).replace("2 records were found", count);
        cases.push((answer(json, &whole[..whole.len() - 2]), "malformed"));
    }
    // And behind what looks like the end of all in its last text.
    for (inside, count) in [
        ("Ventas]}", "1 records were found"),
        ("Ventas\"}]}", "2 records were found"),
        ("]]}]]]", "2 records were found"),
    ] {
        let last = ROW.replace("Ventas", &inside.replace('"', "\\\""));
        let whole = report(&[ROW, &last]).replace("2 records were found", count);
        let end = whole.rfind("]}").and_then(|last| whole[..last].rfind("]}")).expect("two ends") + 2;
        cases.push((answer(json, &whole[..end]), "malformed"));
    }
    // Something else where the rows should be.
    for data in [
        r#"{"message":"Endpoint request timed out"}"#,
        r#"{"records":[{"date":"{date}"}]}"#,
        r#"{"status":{"text":"The report is being generated"}}"#,
    ] {
        cases.push((answer(json, format!(r#"{{"code":"200","error":null,"msg":"OK","data":{data}}}"#)), "malformed"));
    }
    // Cut, and followed by what a server says that fails meanwhile.
    let whole = report(&[ROW, ROW, ROW]);
    for other in [
        r#"{"code":"500","error":"Fatal error","msg":"Allowed memory size","data":[]}"#,
        r#"{"error":{"list":[1]},"code":"500"}<br />"#,
        r#"{"data":[],"msg":"1 records were found"}"#,
    ] {
        for end in [whole.len() - 9, whole.len() - 60, whole.find("ABANDON").expect("a row")] {
            cases.push((answer(json, format!("{}\n{other}", &whole[..end])), "malformed"));
        }
    }
    // Announced and refused, beside what seems to be an empty window.
    for (texts, outcome) in [
        (r#""error":null,"msg":"1,234 records were found""#, "incomplete"),
        (r#""error":null,"msg":"12.345 records were found""#, "incomplete"),
        (r#""error":"TOKEN LIMIT EXCEEDED","msg":"0 records were found""#, "quota_exceeded"),
        (r#""error":"please validate token","msg":"Validate dates entered""#, "unauthorized"),
        (r#""message":"Exceeds the limit of simultaneous requests","msg":"OK","error":null"#, "busy"),
    ] {
        cases.push((answer(json, format!(r#"{{"code":"200",{texts},"data":[]}}"#)), outcome));
    }
    check(&cases);
}

#[test]
fn rows_of_which_none_can_be_read_pass_no_window() {
    let all = |row: &str, count: usize| report(&vec![row; count]);
    check(&[
        (answer("200 OK", all(r#"{"date":"27/11/2026 20:00:00"}"#, 5)), "malformed"),
        (answer("200 OK", all(r#"{"date":"1796000000","result":"ABANDON"}"#, 40)), "malformed"),
        (answer("200 OK", all(r#"["2026-11-27 20:00:00","ABANDON"]"#, 7)), "malformed"),
        (answer("200 OK", all(r#"{"fecha":"{date}"}"#, 5)), "malformed"),
        (answer("200 OK", all(r#"{"date":"27/11/2026 20:00:00"}"#, 4)), "ok"),
        (
            answer("200 OK", all(r#"{"date":"27/11/2026 20:00:00"}"#, 9).replacen("27/11/2026 20:00:00", "{date}", 1)),
            "ok",
        ),
    ]);
}

#[test]
fn a_404_with_nothing_in_it_is_an_empty_window_only_of_a_report_that_has_answered() {
    at_once(["", " \r\n", "\u{feff}"], |body| {
        let bare = || Fault::Status {
            status: 404,
            body: body.to_owned(),
            content_type: "application/json".to_owned(),
            retry_after: None,
        };
        // A quiet operation answers with the API's own words for an empty window.
        for (answered_before, outcome) in [(true, "empty"), (false, "malformed")] {
            let sim = Sim::start(vec![quiet("ventas")]);
            let folder = Folder::new(&sim, &["interval: 1s", "settle: 0s", "hold: 0s"], |_| Vec::new());
            if !answered_before {
                sim.set_fault(bare(), None);
            }
            let exporter = folder.serve();
            let ended = |scrape: &Scrape| {
                let polls =
                    |outcome| scrape.value("wolkvox_polls_total", &[("operation", "ventas"), ("outcome", outcome)]);
                [polls("empty"), polls("malformed")]
            };
            let [before, _] = exporter.wait_for("a first call", |scrape| match ended(scrape) {
                [0.0, 0.0] => Err("none".to_owned()),
                calls => Ok(calls),
            });
            sim.set_fault(bare(), None);
            let calls = exporter.wait_for("some more calls", |scrape| match ended(scrape) {
                calls if calls[0] + calls[1] >= before + 4.0 => Ok(calls),
                calls => Err(format!("{calls:?}")),
            });
            let is_empty = calls[1] == 0.0;
            assert_eq!(is_empty, outcome == "empty", "{body:?}, answered before: {answered_before}: {calls:?}");
        }
    });
}

#[test]
fn an_answer_most_of_which_is_unusable_is_said_to_be_so() {
    let rows: Vec<String> = (0..3).map(|number| ROW.replace("2812.1", &format!("2812.{number}"))).collect();
    let good: Vec<&str> = rows.iter().map(String::as_str).collect();
    let bad = [r#"{"date":"27/11/2026 20:00:00"}"#, "7", r#"{"conn_id":[1],"date":"{date}"}"#, r#"["a"]"#];
    let most: Vec<&str> = bad.iter().chain(&good[..2]).copied().collect();
    let some: Vec<&str> = bad[..2].iter().chain(&good).copied().collect();
    let polled = poll(&[
        ("most", "token-most", answer("200 OK", report(&most))),
        ("some", "token-some", answer("200 OK", report(&some))),
    ]);
    let rows = |operation, disposition| {
        let labels = [("operation", operation), ("disposition", disposition)];
        polled.scrape.value("wolkvox_rows_total", &labels)
    };
    assert_eq!((rows("most", "rejected"), rows("most", "counted")), (4.0, 2.0));
    assert_eq!((rows("some", "rejected"), rows("some", "counted")), (2.0, good.len() as f64));
    let warned = polled.exporter.lines_with(&["level=warn", "most rows"]);
    assert!(warned.len() == 1 && warned[0].contains("operation=most "), "{warned:?}");
    for (lang, words) in [("en", "can't be used: 4 of 6"), ("es", "no se puede usar: 4 de 6")] {
        let page = polled.exporter.get(&format!("/?lang={lang}"), &[]).text();
        assert!(page.replace("&#39;", "'").contains(words), "{page}");
    }
}

#[test]
fn a_bad_byte_spoils_its_row_only() {
    let whole = |inside: &str| ROW.replace("Ventas", inside);
    let good: Vec<String> = (2..5).map(|n| ROW.replace(".1\"", &format!(".{n}\""))).collect();
    let cases: [(&str, String, f64); 13] = [
        ("tab", whole("Ven\ttas"), 4.0),
        ("newline", whole("Ven\ntas"), 4.0),
        ("nul", whole("Ven\0tas"), 4.0),
        ("escape", whole("Ven\u{1b}tas"), 4.0),
        ("quote", whole("Ven\"tas"), 3.0),
        ("backslash", whole("Ventas\\"), 3.0),
        ("no-quote", ROW.replace("\"inbound\"", "inbound\""), 3.0),
        ("no-brace", ROW.replacen('{', "", 1), 3.0),
        ("word", ROW.replace("\"37\"", "NaN"), 3.0),
        ("no-comma", String::new(), 4.0),
        ("junk", String::new(), 4.0),
        ("behind", String::new(), 4.0),
        ("half-behind", String::new(), 4.0),
    ];
    let all = report(&[ROW, &good[0], &good[1], &good[2]]);
    let operations: Vec<_> = cases
        .iter()
        .map(|(name, bad, _)| {
            let body = match *name {
                "no-comma" => all.replace("},{", "}\n{").replace("4 records were found", "OK"),
                "junk" => all.replace("},{", "}?\0;{"),
                "behind" => all.replace("]}", "],\"took\":NaN}"),
                "half-behind" => all.replace("]}", "],\"msg\":\"4 records \\x66ound\"}"),
                _ => report(&[&good[0], bad, &good[1], &good[2]]),
            };
            (*name, *name, answer("200 OK", body))
        })
        .collect();
    let polled = poll(&operations);
    for (name, _, counted) in &cases {
        let of = [("operation", *name)];
        let disposed = [("operation", *name), ("disposition", "counted")];
        assert_eq!(polled.scrape.value("wolkvox_rows_total", &disposed), *counted, "{name}");
        assert_eq!(polled.scrape.sum("wolkvox_rows_rejected_total", &of), 4.0 - counted, "{name}");
        assert_eq!(polled.scrape.value("wolkvox_up", &of), 1.0, "{name}");
    }
}

fn gzipped(pieces: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for piece in pieces {
        packed.write_all(&piece).expect("memory");
    }
    packed.finish().expect("memory")
}

#[test]
fn a_packed_answer_is_known_by_its_name_in_any_case() {
    let empty = br#"{"code":"200","error":null,"msg":"0 records were found","data":[]}"#;
    let packed = |name: &str| answer(&format!("200 OK\r\ncontent-encoding: {name}"), gzipped([empty.to_vec()]));
    let polled = check(&[
        (packed("gzip"), "empty"),
        (packed("GZIP"), "empty"),
        (packed("Gzip"), "empty"),
        (packed("x-gzip"), "empty"),
        (packed("br"), "malformed"),
        (packed("ZSTD"), "malformed"),
        (packed("gzip, gzip"), "malformed"),
    ]);
    assert!(!polled.exporter.lines_with(&["Content-Encoding"]).is_empty(), "{}", polled.exporter.said());
}

/// The most memory that a process has had, in bytes.
fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a high water mark");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

#[test]
fn a_small_answer_that_unpacks_into_millions_of_rows_takes_little_memory() {
    let flood = |row: &str| {
        let pieces = (0..200).map(|_| format!("{row},").repeat(100_000).into_bytes());
        let start = br#"{"code":"200","msg":"20000000 records were found","data":["#.to_vec();
        let body = gzipped([start].into_iter().chain(pieces).chain([format!("{row}]}}").into_bytes()]));
        assert!(body.len() < 200 << 10, "{}", body.len());
        answer("200 OK\r\ncontent-encoding: gzip", body)
    };
    let polled = check(&[(flood("{}"), "malformed"), (flood("[]"), "malformed"), (flood("0"), "malformed")]);
    let most = most_memory(polled.exporter.id());
    assert!(most < 400 << 20, "{} MiB", most >> 20);
}

#[test]
fn what_a_refusal_repeats_is_not_repeated() {
    // None has a row of digits that the log's own times, to the nanosecond, or a port may have by chance.
    let secrets = ["ab123cd456ef-QrSt", "Zq+123k456/x=ana@w.co~9", "hush-9Z", "0123-4567-89ab"];
    let number = "471108159342";
    let mut operations = Vec::new();
    let names: Vec<String> = (0..3 * secrets.len()).map(|at| format!("op{at}")).collect();
    for (secret, names) in secrets.iter().zip(names.chunks(3)) {
        let cut = "x".repeat(140);
        let said = [
            answer(
                "403 Forbidden",
                format!(r#"{{"code":"403","msg":"PLEASE VALIDATE TOKEN {secret} OF ana.perez@example.com"}}"#),
            ),
            answer(
                "400 Bad Request",
                format!(r#"{{"code":"400","error":"{cut} {secret}, extension {number}","msg":""}}"#),
            ),
            answer("500 Internal Server Error", format!("no user ({number}) for {secret} ana.perez @ example.com")),
        ];
        operations.extend(names.iter().zip(said).map(|(name, answer)| (name.as_str(), *secret, answer)));
    }
    // One token at a time has one answer.
    for which in 0..3 {
        let of_it: Vec<_> = operations.iter().skip(which).step_by(3).cloned().collect();
        let polled = poll(&of_it);
        let (said, page) = (polled.exporter.said(), polled.exporter.get("/", &[]).text());
        for text in [&said, &page] {
            for secret in secrets {
                for piece in secret.as_bytes().windows(6) {
                    let piece = std::str::from_utf8(piece).expect("ASCII");
                    assert!(!text.contains(piece), "{piece} of {secret}: {text}");
                }
            }
            for private in ["ana.perez", "example.com", number] {
                assert!(!text.contains(private), "{private}: {text}");
            }
        }
        assert!(said.contains("it says"), "{said}");
    }
}

#[test]
fn the_token_in_a_result_is_not_repeated() {
    let secrets = ["ab123cd456ef-QrSt", "Zq+123k456/x=ana@w.co~9", "hush-9Z", "0123-4567-89ab"];
    let encoded = |secret: &str| secret.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let names = ["op0", "op1", "op2", "op3"];
    let operations = std::array::from_fn::<_, 4, _>(|at| {
        let secret = secrets[at];
        // The last one is cut as a label is, within the token.
        let results = [
            secret.to_owned(),
            format!("CONTESTADA {}", secret.to_uppercase()),
            format!("by {}", encoded(secret)),
            format!("{}...", &secret[..secret.len() - 1]),
            format!("{} {}", "1".repeat(150), encoded(secret)),
        ];
        let row = |(call, result): (usize, &String)| {
            ROW.replace("1768782812.1", &format!("1768782812.{call}")).replace("ABANDON", result)
        };
        let rows: Vec<_> = results.iter().enumerate().map(row).collect();
        (names[at], secret, answer("200 OK", report(&rows.iter().map(String::as_str).collect::<Vec<_>>())))
    });
    let polled = poll_with("interval: 1h, settle: 0s, start: 6h, reports: [abandoned, answered]", &operations);
    let lines = polled.exporter.wait_for_lines(5 * secrets.len(), &["rows with this result"]);
    assert!(lines.iter().all(|line| line.contains("[token]")), "{lines:#?}");
    let mut check_api = command(&["check-api", "--config.file"]);
    check_api.arg(polled.folder.path().join("config.yml")).current_dir(polled.folder.path());
    let checked = String::from_utf8(run(check_api).stdout).expect("text");
    let page = polled.exporter.get("/", &[]).text();
    for text in [&polled.exporter.said(), &page, &checked] {
        assert!(text.contains("[token]"), "{text}");
        for secret in secrets {
            for piece in secret.as_bytes().windows(6) {
                let piece = std::str::from_utf8(piece).expect("ASCII");
                assert!(!text.contains(piece) && !text.contains(&encoded(piece)), "{piece} of {secret}: {text}");
            }
        }
    }
}

#[test]
fn an_error_without_a_message_is_shown() {
    let texts = ["the disk of the reports is full", "closed on Sundays", "please come back tomorrow"];
    let cases = [
        (answer("500 Internal Server Error", format!(r#"{{"error":"{}","msg":""}}"#, texts[0])), "server_error"),
        (answer("403 Forbidden", format!(r#"{{"code":"403","error":"{}","msg":null}}"#, texts[1])), "maintenance"),
        (answer("200 OK", format!(r#"{{"code":"200","error":"{}","data":null}}"#, texts[2])), "malformed"),
    ];
    let polled = check(&cases);
    for text in texts {
        assert!(!polled.exporter.lines_with(&[text]).is_empty(), "{text}: {}", polled.exporter.said());
    }
}

/// In Bogotá, where the operations of these tests are.
fn local(at: Timestamp) -> DateTime {
    at.in_tz("America/Bogota").expect("a zone").datetime()
}

#[test]
fn rows_of_one_identity_are_one_row_at_every_read() {
    let date = local(Timestamp::now() - SignedDuration::from_secs(5)).strftime("%F %T").to_string();
    let row = |(number, result): (usize, &&str)| {
        let row = ROW.replace("{date}", &date).replace("ABANDON", result);
        row.replace('}', &format!(",\"ani\":\"300{number}\"}}"))
    };
    // What the rows say they came to; how many of them are counted, and how many are not abandoned calls.
    let cases: [(&str, &[&str], f64, f64); 4] = [
        ("both", &["ANSWER", "ANSWER"], 0.0, 1.0),
        ("three", &["ABANDON", "ABANDON", "ABANDON"], 1.0, 0.0),
        ("mixed", &["ANSWER", "ABANDON"], 1.0, 0.0),
        ("many", &["ANSWER"; 20], 0.0, 1.0),
    ];
    let operations = cases.map(|(name, results, ..)| {
        let rows: Vec<_> = results.iter().enumerate().map(row).collect();
        (name, name, answer("200 OK", report(&rows.iter().map(String::as_str).collect::<Vec<_>>())))
    });
    let polled = poll_each("1s", &operations);
    for (name, results, counted, other) in cases {
        let of = [("operation", name)];
        polled.exporter.wait_for("the rows to be read again and again", |scrape| {
            let value = |disposition| scrape.value("wolkvox_rows_total", &[of[0], ("disposition", disposition)]);
            assert_eq!((value("counted"), value("other_result")), (counted, other), "{name}");
            let reads = scrape.value("wolkvox_polls_total", &[of[0], ("outcome", "ok")]);
            assert_eq!(value("duplicate"), reads * results.len() as f64 - 1.0, "{name}");
            if reads >= 4.0 { Ok(()) } else { Err(format!("{reads} reads")) }
        });
    }
}

#[test]
fn an_epoch_that_no_zone_explains_says_nothing_of_the_zone() {
    // Rows with an epoch of years ago, and with that of their date.
    let calls = |wrong: usize, right: usize| {
        let of_range = move |_, last: DateTime| {
            let at = last.in_tz("America/Bogota").expect("no change of clocks").timestamp().as_second();
            let epochs = std::iter::repeat_n(1_500_000_000, wrong).chain(std::iter::repeat_n(at - 37, right));
            let row = |(call, epoch): (usize, i64)| ROW.replace("1768782812.1", &format!("{epoch}.{call}"));
            let rows: Vec<_> = epochs.enumerate().map(row).collect();
            report(&rows.iter().map(String::as_str).collect::<Vec<_>>())
                .replace("{date}", &last.strftime("%F %T").to_string())
        };
        Answer { of_range: Some(Arc::new(of_range)), ..answer("200 OK", "") }
    };
    let cases =
        [("wrong", calls(60, 0), None), ("both", calls(60, 6), Some(-5.0 * 3_600.0)), ("few", calls(3, 3), None)];
    let operations = cases.clone().map(|(name, calls, _)| (name, name, calls));
    let polled = poll(&operations);
    for (name, _, offset) in cases {
        let of = [("operation", name)];
        assert_eq!(polled.scrape.get("wolkvox_observed_utc_offset_seconds", &of), offset, "{name}");
        assert_eq!(polled.scrape.value("wolkvox_timezone_mismatch", &of), 0.0, "{name}");
        assert!(polled.scrape.value("wolkvox_rows_total", &[of[0], ("disposition", "counted")]) >= 6.0, "{name}");
    }
    assert!(polled.exporter.lines_with(&["zones_that_fit"]).is_empty(), "{}", polled.exporter.said());
    let page = polled.exporter.get("/?lang=en", &[]).text();
    assert!(!page.contains("wrong time zone"), "{page}");
}

/// Rows that are announced and never delivered: the second, and how many. No two are neighbours, of which it can't be told
/// which lacks what, for each second is asked for with the one before it.
type Missing = &'static [(i64, usize)];

/// A report that has a row each second since `begin`, and lacks some, by the seconds after that.
fn lacking(begin: Timestamp, missing: Missing) -> Answer {
    let of_range = move |first: DateTime, last: DateTime| {
        let is_asked_for = |second: Timestamp| (first..=last).contains(&local(second)) && second < Timestamp::now();
        let row = |second: Timestamp| {
            let row = ROW.replace("1768782812", &second.as_second().to_string());
            row.replace("{date}", &local(second).strftime("%F %T").to_string())
        };
        let seconds = (0..600).map(|second| begin + SignedDuration::from_secs(second));
        let rows: Vec<_> = seconds.filter(|&second| is_asked_for(second)).map(row).collect();
        let places = missing.iter().map(|&(second, rows)| (begin + SignedDuration::from_secs(second), rows));
        let announced =
            rows.len() + places.filter(|(place, _)| is_asked_for(*place)).map(|(_, rows)| rows).sum::<usize>();
        let data = rows.join(",");
        format!(r#"{{"code":"200","error":null,"msg":"{announced} records were found","data":[{data}]}}"#)
    };
    Answer { of_range: Some(Arc::new(of_range)), ..answer("200 OK", "") }
}

#[test]
fn rows_that_are_announced_and_never_come_are_counted_once_for_each_place() {
    let begin = Timestamp::now();
    let begin = Timestamp::from_second(begin.as_second()).expect("now");
    let cases: [(&str, Missing, f64); 4] = [
        ("four", &[(1, 2), (4, 1), (8, 1)], 4.0),
        ("alike", &[(1, 1), (5, 1), (9, 1)], 3.0),
        ("uneven", &[(2, 3), (4, 1), (7, 2)], 6.0),
        ("none", &[], 0.0),
    ];
    let operations = cases.map(|(name, missing, _)| (name, name, lacking(begin, missing)));
    let polled = poll_with("interval: 1s, settle: 0s, overlap: 4s, start: 1m", &operations);
    let after = begin + SignedDuration::from_secs(14);
    for (name, _, missing) in cases {
        let of = [("operation", name)];
        polled.exporter.wait_for("the last place to be out of reach", |scrape| {
            let value = |metric| scrape.value(metric, &of);
            let (lacks, until) =
                (value("wolkvox_rows_missing_total"), value("wolkvox_complete_until_timestamp_seconds"));
            assert!(lacks <= missing, "{name}: {lacks} of {missing}");
            if until >= after.as_second() as f64 {
                Ok(())
            } else {
                Err(format!("{name}: {until}, {lacks} of {missing}"))
            }
        });
        let scrape = polled.exporter.scrape();
        assert_eq!(scrape.value("wolkvox_rows_missing_total", &of), missing, "{name}: {}", polled.exporter.said());
        assert!(scrape.value("wolkvox_abandoned_calls_total", &of) >= 14.0, "{name}");
    }
}

#[test]
fn a_wait_until_a_date_is_taken_by_the_servers_own_clock() {
    // The server's clock is days, hours and years behind; by each it asks for half an hour.
    let busy = |date: &str, until: &str| {
        answer(&format!("503 Service Unavailable\r\ndate: {date}\r\nretry-after: {until}"), "")
    };
    let dates = [
        ("Sun, 01 Nov 2026 10:00:00 GMT", "Sun, 01 Nov 2026 10:30:00 GMT"),
        ("Fri, 27 Nov 2026 23:45:00 GMT", "Sat, 28 Nov 2026 00:15:00 GMT"),
        ("Sun, 18 Jan 2026 19:00:00 GMT", "Sun, 18 Jan 2026 19:30:00 GMT"),
        ("Sun, 18 Jan 2026 19:00:00 GMT", "Sunday, 18-Jan-26 19:30:00 GMT"),
        ("Sun Jan 18 19:00:00 2026", "Sun Jan 18 19:30:00 2026"),
    ];
    let mut operations = vec![("steady", "steady", answer("200 OK", r#"{"data":[]}"#))];
    let names = ["days", "hours", "years", "older", "oldest"];
    operations.extend(names.iter().zip(dates).map(|(name, (date, until))| (*name, *name, busy(date, until))));
    let polled = poll_each("2s", &operations);
    // Twelve intervals is the longest pause; five have passed.
    polled.exporter.wait_for("five polls without a pause", |scrape| {
        match scrape.sum("wolkvox_polls_total", &[("operation", "steady")]) {
            polls if polls >= 6.0 => Ok(()),
            polls => Err(format!("{polls}")),
        }
    });
    let requests = polled.server.requests.lock().expect("no panic").clone();
    assert!(names.iter().all(|name| requests[*name] == 1), "nothing is asked again before: {requests:?}");
}
