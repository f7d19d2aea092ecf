/// What shows that the report itself has answered. An answer that has none of these is no answer of the report: that
/// nothing came is not taken to say that there is nothing. In the order in which an answer is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Rows, or a number of rows that were announced.
    Rows,
    /// The message of an empty window, under 200 or 404.
    Message,
    /// An empty `data`, or `code` 200 without `data`, and no error named.
    EmptyData,
    /// A 404 as a JSON object with names of the API.
    Object404,
    /// A 404 with no body at all. So an empty window may look, and so does a server that lacks the report.
    Bare404,
}

impl Evidence {
    /// Whether it shows by itself that the report is there. [`Self::Bare404`] doesn't: it counts as an empty window only
    /// where the same report has given proof before.
    pub const fn is_proof(self) -> bool {
        !matches!(self, Self::Bare404)
    }
}
