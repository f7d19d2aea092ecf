use domain::identity::RowHasher;
use domain::report::ReportKind;
use domain::row::ReadRow;
use domain::row_parse::{Field, RowParser};
use domain::vendor_totals::{self, VendorRow};

/// Turns what stands in `data` into rows of one kind.
pub trait ReadsRows {
    type Row;

    /// The fields that the row hangs on. A list or an object in one of them makes the row unreadable; in any other field,
    /// such as one that the API may add, it doesn't.
    const PLAIN_FIELDS: &'static [&'static str];

    fn read(&mut self, fields: Vec<Field<'_>>) -> Self::Row;

    /// A row that has no fields to read, from its text.
    fn reject(&self, text: &str) -> Self::Row;
}

/// The rows of a report that lists calls.
pub struct CallRows<'h> {
    parser: RowParser,
    hasher: &'h RowHasher,
}

impl<'h> CallRows<'h> {
    pub fn new(report: &'static ReportKind, hasher: &'h RowHasher) -> Self {
        Self { parser: RowParser::new(report), hasher }
    }
}

impl ReadsRows for CallRows<'_> {
    type Row = ReadRow;

    // Not the time waited: the call counts without one.
    const PLAIN_FIELDS: &'static [&'static str] = &["conn_id", "skill_id", "date", "result", "type_interaction"];

    fn read(&mut self, fields: Vec<Field<'_>>) -> ReadRow {
        self.parser.read(self.hasher, fields)
    }

    fn reject(&self, text: &str) -> ReadRow {
        RowParser::reject_shape(self.hasher, text)
    }
}

/// The rows of the vendor's own totals.
#[derive(Debug)]
pub struct TotalsRows;

impl ReadsRows for TotalsRows {
    type Row = VendorRow;

    const PLAIN_FIELDS: &'static [&'static str] = &vendor_totals::FIELDS;

    fn read(&mut self, fields: Vec<Field<'_>>) -> VendorRow {
        vendor_totals::row(&fields)
    }

    fn reject(&self, _: &str) -> VendorRow {
        None
    }
}
