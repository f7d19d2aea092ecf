use proptest::prelude::*;

use super::*;
use domain::disposition::RejectReason;
use domain::report::ABANDONED;
use domain::row::Row;

const GOOD: &str = r#"{"skill_name":"Ventas","skill_id":"4173","conn_id":"6736.4628.1040.1768782812.1814","date":"2026-01-18 19:34:31","result":"ABANDON","ani":"3001234567","abandon_time":"37","type_interaction":"inbound","customer_id":"1"}"#;

fn hasher() -> RowHasher {
    RowHasher::new([3; 16])
}

fn read(body: impl AsRef<[u8]>) -> Result<Decoded, NotReadable> {
    decode(body.as_ref(), &ABANDONED, &hasher())
}

fn data(data: &str) -> Data {
    read(format!(r#"{{"code":"200","data":{data}}}"#)).unwrap().data
}

fn rows(body: impl AsRef<[u8]>) -> Vec<ReadRow> {
    match read(body).unwrap().data {
        Data::Rows(rows) => rows,
        other => panic!("no rows: {other:?}"),
    }
}

fn envelope(rows: &[&str]) -> String {
    format!(r#"{{"code":"200","error":null,"msg":"{} records were found","data":[{}]}}"#, rows.len(), rows.join(","))
}

fn row(text: &str) -> Row {
    match rows(envelope(&[text])).remove(0) {
        ReadRow::Row(row) => row,
        rejected => panic!("{rejected:?}: {text}"),
    }
}

#[test]
fn the_envelope_is_read_in_any_spelling() {
    let table = [
        (r#"{"code":"200"}"#, Code::Number(200)),
        (r#"{"code":200}"#, Code::Number(200)),
        (r#"{"code":" 404 "}"#, Code::Number(404)),
        (r#"{"code":""}"#, Code::Missing),
        (r#"{"code":null}"#, Code::Missing),
        ("{}", Code::Missing),
        (r#"{"code":"OK"}"#, Code::Unreadable),
        (r#"{"code":200.0}"#, Code::Unreadable),
        (r#"{"code":99999999999999999999}"#, Code::Unreadable),
        (r#"{"code":[200]}"#, Code::Unreadable),
    ];
    for (body, code) in table {
        assert_eq!(read(body).unwrap().code, code, "{body}");
    }
}

#[test]
fn the_count_is_read_from_the_message() {
    let table = [
        ("\"1 records were found\"", Some(1)),
        ("\" 60000 records were found\"", Some(60_000)),
        ("7", Some(7)),
        ("\"\"", None),
        ("null", None),
        ("\"Validate dates entered\"", None),
        ("\"-1 records\"", None),
        ("\"3rd\"", None),
        ("\"99999999999999999999999 records\"", None),
        ("\"1,234 records were found\"", Some(1234)),
        ("\"1.234.567\"", Some(1_234_567)),
        ("\"1.5 records\"", None),
        ("\"1,\"", None),
        ("\"1234,567\"", None),
        ("\",123\"", Some(123)),
        ("\"1,2345\"", None),
    ];
    for (msg, announced) in table {
        assert_eq!(read(format!(r#"{{"msg":{msg}}}"#)).unwrap().announced(), announced, "{msg}");
    }
}

#[test]
fn data_comes_in_several_shapes() {
    for none in ["null", "\"\""] {
        assert_eq!(data(none), Data::Empty, "{none}");
    }
    for empty in ["[]", "{}"] {
        assert_eq!(data(empty), Data::Rows(Vec::new()), "{empty}");
    }
    for unreadable in ["1", "-1", "1.5", "true", "false", "\"none\""] {
        assert_eq!(data(unreadable), Data::Unreadable, "{unreadable}");
    }
    let one = data(&format!("[{GOOD}]"));
    assert_eq!(data(GOOD), one, "a single row without a list");
    assert_eq!(data(&format!(r#"{{"0":{GOOD}}}"#)), one, "a list with gaps");
    let Data::Rows(rows) = data(&format!(r#"{{"0":{GOOD},"2":null,"5":{GOOD}}}"#)) else { panic!("rows") };
    assert_eq!(rows.len(), 3);
}

#[test]
fn a_value_is_the_same_in_any_json_type() {
    let good = row(GOOD);
    assert_eq!(row(&GOOD.replace("\"37\"", "37")), good);
    assert_eq!(row(&GOOD.replace("\"4173\"", "4173")), good);
    assert_eq!(row(&GOOD.replace("\"customer_id\":\"1\"", "\"customer_id\":1")), good);
    let without = row(&GOOD.replace(r#","abandon_time":"37""#, ""));
    assert_eq!(without.waited, None);
    for empty in ["null", "\"\"", "\" \""] {
        assert_eq!(row(&GOOD.replace("\"37\"", empty)), without, "{empty}");
    }
}

#[test]
fn nested_values_only_matter_where_counting_hangs_on_them() {
    let good = row(GOOD);
    for (from, to) in [
        ("\"37\"", "[37]"),
        ("\"Ventas\"", "{}"),
        ("\"3001234567\"", "[1,2]"),
        ("\"customer_id\":\"1\"", "\"customer_id\":\"1\",\"tags\":{\"a\":[]}"),
    ] {
        assert_eq!(row(&GOOD.replace(from, to)).id, good.id, "{to}");
    }
    for from in
        ["\"4173\"", "\"6736.4628.1040.1768782812.1814\"", "\"2026-01-18 19:34:31\"", "\"ABANDON\"", "\"inbound\""]
    {
        let read = rows(envelope(&[&GOOD.replace(from, "[]"), GOOD]));
        assert!(matches!(read[0], ReadRow::Rejected { reason: RejectReason::Shape, .. }), "{from}");
        assert_eq!(read[1], ReadRow::Row(good.clone()));
    }
}

#[test]
fn odd_text_is_kept_as_far_as_it_can_be() {
    let name = |inside: &[u8]| {
        let mut body = br#"{"data":[{"date":"2026-01-18 19:34:31","skill_name":""#.to_vec();
        body.extend_from_slice(inside);
        body.extend_from_slice(br#""}]}"#);
        match rows(body).remove(0) {
            ReadRow::Row(row) => row.skill_name.unwrap().to_string(),
            rejected => panic!("{rejected:?}"),
        }
    };
    assert_eq!(name(br#"Atenci\u00f3n \"A\"\\ \ud83d\ude00"#), "Atención \"A\"\\ 😀");
    assert_eq!(name(br"cut \ud83d"), "cut \u{fffd}");
    assert_eq!(name(b"latin\xf3"), "latin\u{fffd}");
    assert_eq!(name(br"a\u0000b\nc"), "a b c");
    assert_eq!(name(b"tab\there, line\nthere, nul\0, bell\x07."), "tab here, line there, nul , bell .");
    assert_eq!(name(br"\ud83d\u0041"), "\u{fffd}A");
    assert_eq!(name("ñ".repeat(10_000).as_bytes()), "ñ".repeat(200));
}

#[test]
fn what_stands_around_the_object_is_passed_over() {
    let body = envelope(&[GOOD]);
    for before in [
        "\u{feff}",
        "\r\n ",
        "<br />\n<b>Warning</b>: Undefined variable in <b>/var/www/x.php</b> on line <b>3</b><br />\n",
        "Stack trace:\n#0 {main}\n  thrown\n",
    ] {
        for after in ["", "\n", "\0", "\n<br />\n<b>Notice</b>: x {main}"] {
            assert_eq!(rows(format!("{before}{body}{after}")), rows(&body), "{before:?} {after:?}");
        }
    }
}

#[test]
fn what_is_no_answer_is_told_apart() {
    let body = envelope(&[GOOD]);
    let table = [
        (String::new(), NotReadable::Nothing),
        ("\u{feff}\r\n".to_owned(), NotReadable::Nothing),
        ("<!DOCTYPE html><html></html>".to_owned(), NotReadable::Page),
        (format!("<html><script>x = {body}</script>"), NotReadable::Page),
        ("<!-- --><p>{\"error\":\"log in\"}".to_owned(), NotReadable::Page),
        ("<br><a href=x>Log in</a>{\"error\":\"x\",\"code\":\"1\"}".to_owned(), NotReadable::NoObject),
        ("null".to_owned(), NotReadable::NoObject),
        (format!("[{GOOD}]"), NotReadable::NoObject),
        ("Warning: {\"x\": 1}".to_owned(), NotReadable::NoObject),
        ("{\"code\":tru}".to_owned(), NotReadable::Broken(8)),
        (format!("{body}{body}"), NotReadable::Trailing(body.len())),
    ];
    for (body, expected) in table {
        assert_eq!(read(&body).unwrap_err(), expected, "{body}");
    }
}

#[test]
fn an_answer_cut_anywhere_is_never_an_answer() {
    let body = envelope(&[GOOD, &GOOD.replace("Ventas", "Atención")]);
    for end in 0..body.len() {
        assert!(read(&body.as_bytes()[..end]).is_err(), "cut at {end}");
    }
    for end in 2..body.len() {
        let cut = format!("\u{feff}<br />Warning<br />{}", String::from_utf8_lossy(&body.as_bytes()[..end]));
        assert!(read(cut).is_err(), "cut at {end}");
    }
}

// What stands within a row may look like other rows and like the end of all.
#[test]
fn an_answer_cut_in_a_row_that_has_lists_is_never_an_answer() {
    for inside in [
        r#""parts":[{"a":1},{"b":2}],"c":3"#,
        r#""parts":[1,2]"#,
        r#""parts":[{"date":"2026-01-18 19:34:30","skill_id":"1"}]"#,
        r#""parts":{"list":[[1],{}]},"c":"d""#,
        r#""parts":{"data":[{"a":{"b":[{"c":1}]}}],"code":"200","msg":"1"}"#,
    ] {
        let row = GOOD.replace("}", &format!(",{inside}}}"));
        // Without a count too, and with one that fits what is left.
        for count in ["", "1 records", "2 records", "3 records"] {
            let body = envelope(&[&row, &row, GOOD]).replace("3 records were found", count);
            assert_eq!(rows(&body).len(), 3, "{inside}");
            for end in body.find('[').unwrap()..body.len() {
                let cut = read(&body.as_bytes()[..end]);
                assert!(matches!(cut, Err(NotReadable::Cut(_))), "cut at {end} of {body}: {cut:?}");
            }
        }
    }
}

#[test]
fn rows_behind_what_looks_like_the_end_within_a_bad_row_are_missed() {
    for inside in [r#""parts":[{"a":1}],"c":3"#, r#""parts":{"list":[{"a":1},{}]}"#, r#""parts":[{"date":[]}]"#] {
        let bad = GOOD.replace("\"37\"", &format!("NaN,{inside}"));
        assert!(matches!(read(envelope(&[GOOD, &bad, GOOD])), Err(NotReadable::Spoilt(_))), "{inside}");
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(rows(format!(r#"{{"data":[{deep},{GOOD}]}}"#)).len(), 2);
    assert!(read(format!(r#"{{"x":{deep}}}"#)).is_err());
    assert!(read("{\"data\":".repeat(1_000_000)).is_err());
    assert!(read("{ ".repeat(1_000_000)).is_err());
}

#[test]
fn errors_hold_nothing_of_the_body() {
    let error = read(r#"{"data":[{"ani":"3001234567",oops}]}"#).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("300"), "{error:?}");
}

struct Pieces<'b> {
    body: &'b [u8],
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.size.min(into.len());
        self.body.read(&mut into[..count])
    }
}

/// Reads a list with `bad` at its beginning, in the midst of it and at its end.
fn rejected(bad: &str) {
    let other = GOOD.replace("19:34:31", "19:34:32");
    rejected_in(bad, &[[bad, GOOD, &other], [GOOD, bad, &other], [GOOD, &other, bad]]);
}

fn rejected_in(bad: &str, lists: &[[&str; 3]]) {
    let good = rows(envelope(&[GOOD, &GOOD.replace("19:34:31", "19:34:32")]));
    for (place, texts) in lists.iter().enumerate() {
        let read = rows(envelope(texts));
        assert_eq!(read.len(), 3, "{bad} at {place}: {read:?}");
        let is_rejected = |row: &ReadRow| matches!(row, ReadRow::Rejected { reason: RejectReason::Shape, .. });
        assert!(is_rejected(&read[place]), "{bad} at {place}");
        let others: Vec<_> = read.into_iter().filter(|row| !is_rejected(row)).collect();
        assert_eq!(others, good, "{bad} at {place}");
    }
}

#[test]
fn a_row_that_is_no_json_is_rejected_and_the_next_one_is_read() {
    for (from, to) in [
        // A quote that is not escaped, or is gone.
        ("Ventas", "Ven\"tas"),
        ("Ventas", "Ventas\\"),
        ("\"Ventas", "Ventas"),
        ("Ventas\"", "Ventas"),
        // A bracket, a colon, a comma.
        ("{\"skill_name", "\"skill_name"),
        ("{\"skill_name", "[\"skill_name"),
        ("\"1\"}", "\"1\""),
        ("\"1\"}", "\"1\"]"),
        ("\"1\"}", "\"1\",}"),
        ("\"ANSWER\",", "\"ANSWER\""),
        // Escapes and words that JSON doesn't know.
        ("Ventas", "Ven\\tas\\x"),
        ("Ventas", "\\u12g4"),
        ("\"37\"", "NaN"),
        ("\"37\"", "{\"a\":}"),
    ] {
        let row = GOOD.replace("ABANDON", "ANSWER");
        assert!(row.contains(from), "{from}");
        rejected(&row.replace(from, to));
    }
    // An end where no row has gone before is an end.
    let bad = GOOD.replacen('{', "]", 1);
    assert_eq!(rows(envelope(&[GOOD, &bad, GOOD])).len(), 3);
    assert!(read(envelope(&[&bad, GOOD])).is_err());
    for bad in ["x", "{", "{]", "undefined", "'a'", "{'a':1}"] {
        rejected(bad);
    }
}

// A row that has no end is cut, or lacks the quote of its last text: nothing in the body tells which.
#[test]
fn a_last_row_without_its_last_quote_is_asked_for_in_parts() {
    let other = GOOD.replace("19:34:31", "19:34:32");
    for bad in [&GOOD.replace("\"1\"}", "\"1}"), "{\"", "\"x", "{\"date\":\"x"] {
        rejected_in(bad, &[[bad, GOOD, &other], [GOOD, bad, &other]]);
        for behind in ["", "\n", "<br />Warning"] {
            let body = envelope(&[GOOD, &other, bad]) + behind;
            assert!(matches!(read(&body), Err(NotReadable::Spoilt(_))), "{:?}: {body}", read(&body));
        }
    }
}

#[test]
fn an_answer_cut_behind_what_looks_like_its_end_in_a_text_is_never_an_answer() {
    for inside in ["Ventas]}", "a}]}", "] }\n", "]}]}]}", "]]]]]}]]]]]", "[{\\\"a\\\":1}],\\\"msg\\\":\\\"1\\\"}"] {
        for row in [
            GOOD.replace("Ventas", inside),
            GOOD.replace("customer_id", inside),
            GOOD.replace("\"1\"}", &format!("\"{inside}\"}}")),
        ] {
            for count in ["", "0 records", "1 records", "2 records", "3 records"] {
                let body = envelope(&[&row, GOOD, &row]).replace("3 records were found", count);
                assert_eq!(rows(&body).len(), 3, "{body}");
                for end in body.find('[').unwrap()..body.len() {
                    let cut = read(&body.as_bytes()[..end]);
                    assert!(
                        matches!(cut, Err(NotReadable::Cut(_) | NotReadable::Spoilt(_))),
                        "cut at {end} of {body}: {cut:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn rows_without_a_comma_between_them_are_whole() {
    let texts: Vec<String> = (0..4).map(|n| GOOD.replace("4173", &(4173 + n).to_string())).collect();
    let commas = rows(envelope(&texts.iter().map(String::as_str).collect::<Vec<_>>()));
    for between in ["", " ", "\n", "\r\n\t", "\0", ";", "x", " and then ", "\u{1f600}", "ééé", "\u{fffd}:\u{fffd}"] {
        let list = texts.join(between);
        assert_eq!(rows(format!(r#"{{"msg":"OK","data":[{list}]}}"#)), commas, "{between:?}");
        // Behind a bad one too.
        let bad = GOOD.replace("Ventas", "Ven\"tas");
        let read = rows(format!(r#"{{"msg":"6 records","data":[{bad}{between}{list}{between}{bad}]}}"#));
        assert_eq!((read.len(), &read[1..5]), (6, commas.as_slice()), "{between:?}");
        let whole = format!(r#"{{"msg":"OK","data":[{list}]}}"#);
        for end in 0..whole.len() {
            assert!(read_cut(&whole, end).is_err(), "cut at {end}: {whole}");
        }
    }
}

fn read_cut(body: &str, end: usize) -> Result<Decoded, NotReadable> {
    read(&body.as_bytes()[..end])
}

// As PHP does it when its memory is used up.
#[test]
fn an_answer_that_is_cut_and_followed_by_another_is_cut() {
    let whole = envelope(&[GOOD, &GOOD.replace("31", "32"), GOOD]);
    let list = whole.find('[').unwrap() + 1;
    for other in [
        r#"{"code":"500","error":"Fatal error","msg":"Allowed memory size","data":[]}"#,
        r#"{"error":true,"data":[{"a":[1]}],"code":"500"}"#,
        r#"{ "data" : [ ] , "error":"x"}"#,
        r#"{"msg":"x","data":[]}<br />"#,
    ] {
        for between in ["", "\n", "\n<br />"] {
            for end in list..whole.len() - 1 {
                let body = format!("{}{between}{other}", &whole[..end]);
                assert!(
                    matches!(read(&body), Err(NotReadable::Cut(_) | NotReadable::Broken(_) | NotReadable::Trailing(_))),
                    "{:?}: {body}",
                    read(&body)
                );
            }
        }
    }
}

#[test]
fn a_bad_byte_behind_the_rows_takes_none_of_them() {
    let list = format!("[{GOOD},{}]", GOOD.replace("31", "32"));
    for behind in [
        r#","took":NaN}"#,
        ",}",
        r#","msg":"2 records \x66ound"}"#,
        r#","msg":"2 records","x":"a"b"}"#,
        r#" "msg":"2 records"}"#,
        ";}",
        "]}",
        "x",
        "<br />",
    ] {
        for before in ["", r#""code":"200","msg":"2 records were found","#] {
            let body = format!(r#"{{{before}"data":{list}{behind}"#);
            assert_eq!(rows(&body).len(), 2, "{body}");
            let none = format!(r#"{{{before}"data":[]{behind}"#);
            assert!(matches!(read(&none), Err(NotReadable::Broken(_))), "{:?}: {none}", read(&none));
            // The end of these rows is a guess.
            let bad = body.replacen("Ventas", "Ven\"tas", 1);
            assert!(matches!(read(&bad), Err(NotReadable::Spoilt(_))), "{:?}: {bad}", read(&bad));
        }
    }
    for end in ["]}", "]\n}", r#"],"msg":"2 records"}"#] {
        let comma = format!(r#"{{"data":{},{end}"#, list.trim_end_matches(']'));
        assert_eq!(rows(&comma).len(), 2, "{comma}");
    }
    let twice = format!(r#"{{"data":{list},"data":{list}}}"#);
    assert!(matches!(read(&twice), Err(NotReadable::Twice(_))), "{:?}", read(&twice));
}

#[test]
fn two_bad_rows_are_two() {
    let bad = GOOD.replace("Ventas", "Ven\"tas");
    let read = rows(envelope(&[GOOD, &bad, &bad.replace("31", "32"), &bad, GOOD]));
    let ids = read.iter().filter_map(|row| match row {
        ReadRow::Rejected { id, .. } => Some(id),
        ReadRow::Row(_) => None,
    });
    let ids: Vec<_> = ids.collect();
    assert_eq!((read.len(), ids.len()), (5, 3));
    assert!(ids[0] == ids[2] && ids[0] != ids[1], "the same bad row is the same again");
}

#[test]
fn a_list_that_is_spoilt_for_good_says_so() {
    let body = envelope(&[GOOD, GOOD]);
    let bad_end = |body: &str| body.replacen("\"1\"}]}", "1\"}]}", 1);
    for spoilt in [
        body.replace("\"data\":[", "\"data\":x"),
        body.replace("\"data\":[", "\"data\":\""),
        body.replace("\"data\":[", "\"data\":{"),
        body.replace("\"data\":[", "\"data\":7"),
        // The last row is bad, and nothing says that it was the last.
        bad_end(&body.replace("2 records", "3 records")),
        bad_end(&body.replace("2 records were found", "")),
    ] {
        assert!(matches!(read(&spoilt), Err(NotReadable::Spoilt(_))), "{:?} {spoilt}", read(&spoilt));
    }
    assert_eq!(rows(bad_end(&body)).len(), 2);
}

#[test]
fn an_answer_with_a_bad_row_that_is_cut_is_cut() {
    let body = envelope(&[&GOOD.replace("Ventas", "Ven\"tas"), GOOD, &GOOD.replace("Ventas", "V]"), GOOD]);
    for end in body.find('[').unwrap() + 1..body.len() {
        assert!(matches!(read(&body.as_bytes()[..end]), Err(NotReadable::Cut(_))), "cut at {end}");
    }
}

#[test]
fn no_answer_has_rows_without_bound() {
    for row in ["{}", "1", "{\"date\":1}"] {
        let body = format!("{{\"data\":[{}", format!("{row},").repeat(MAX_ROWS + 1));
        assert_eq!(read(body).unwrap_err(), NotReadable::Overlong);
    }
    let most = format!("{{\"data\":[{}1]}}", "1,".repeat(MAX_ROWS - 1));
    assert_eq!(rows(most).len(), MAX_ROWS);
}

#[test]
fn hostile_bodies_end_soon() {
    for (start, again) in [
        ("{\"data\":[x", "{\"a\":[{\"b\":"),
        ("{\"data\":[x", "[{\"a\":1,"),
        ("{\"data\":[", "\"{\""),
        ("{\"data\":[x", "]"),
        ("", "{ "),
        ("{\"data\":[]}", "{ "),
        ("{\"data\":[\"", "a"),
        ("{\"data\":[x", "y"),
        ("{\"data\":{\"a\":[", "1,"),
    ] {
        let _ = read(format!("{start}{}", again.repeat((5 << 18) / again.len())));
    }
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<f64>()
            .prop_filter_map("JSON has finite numbers only", |value| value.is_finite().then(|| format!("{value:e}"))),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof!["date|conn_id|skill_id|result|abandon_time|type_interaction", any::<String>()];
        let member = (name, inner.clone())
            .prop_map(|(name, value)| format!("{}:{value}", serde_json::to_string(&name).unwrap()));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..4).prop_map(|items| format!("{{{}}}", items.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(bytes);
    }

    // One byte of a valid report is another: at most its row is lost, or the answer says that it is none.
    #[test]
    fn a_bad_byte_spoils_its_row_only(at in any::<prop::sample::Index>(), byte in any::<u8>(), last in any::<bool>()) {
        let texts: Vec<String> = (0..6).map(|n| GOOD.replace("4173", &(4173 + n).to_string())).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let whole = envelope(&texts);
        let list = whole.find('[').unwrap();
        let mut body = whole.clone().into_bytes();
        // Half of the cases near the end, where there is no next row.
        let at = if last { body.len() - 1 - at.index(GOOD.len()) } else { at.index(body.len()) };
        body[at] = byte;
        let whole = rows(&whole);
        match read(&body) {
            Ok(decoded) if decoded.code != Code::Number(200) || decoded.msg.is_none() => prop_assert!(at < list),
            Ok(decoded) if matches!(decoded.data, Data::Rows(_)) => {
                prop_assert!(decoded.rows().len() <= whole.len() + 1);
                let lost = whole.iter().filter(|row| !decoded.rows().contains(row)).count();
                prop_assert!(lost <= 1, "{lost} rows are lost");
            }
            // Under another name: the count that was announced says that they are missing.
            Ok(decoded) => prop_assert!(at < list && decoded.announced() != Some(0)),
            Err(_) => {}
        }
    }

    #[test]
    fn pieces_of_any_size_are_the_same_body(size in 1usize..50, odd in json()) {
        let body = format!("\u{feff}{}\n<br />", envelope(&[GOOD, &odd, "{x}", GOOD]));
        let pieces = Pieces { body: body.as_bytes(), size };
        prop_assert_eq!(decode(pieces, &ABANDONED, &hasher()).unwrap().data, read(&body).unwrap().data);
    }

    // Whatever stands between two good rows, both are read as if it were not there.
    #[test]
    fn a_bad_row_leaves_the_others_alone(odd in json()) {
        let other = GOOD.replace("19:34:31", "19:34:32");
        let read = rows(envelope(&[GOOD, &odd, &other]));
        prop_assert_eq!(read.len(), 3);
        let alone = rows(envelope(&[GOOD, &other]));
        prop_assert_eq!(&read[0], &alone[0]);
        prop_assert_eq!(&read[2], &alone[1]);
    }

    #[test]
    fn the_order_of_rows_does_not_matter(order in Just(vec![1u32, 2, 3, 4]).prop_shuffle()) {
        let texts: Vec<String> = order.iter().map(|n| GOOD.replace("4173", &n.to_string())).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for (n, read) in order.iter().zip(rows(envelope(&texts))) {
            prop_assert_eq!(read, ReadRow::Row(row(&GOOD.replace("4173", &n.to_string()))));
        }
    }
}
