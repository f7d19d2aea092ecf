use domain::range::CivilRange;
use domain::vendor_totals::{self, VendorRow};

use super::super::answer::TotalsRows;
use super::super::{Answer, Failure, Token};
use super::{Client, fit_to_show, judge};
use domain::outcome::Outcome;

/// A row has some 300 bytes, and there is one for each skill.
const MAX_BYTES: usize = 32 << 20;

impl Client {
    /// Asks once for the vendor's own totals of `range`. As for a report, it is the caller's to have the turn of the token.
    ///
    /// # Errors
    /// As a call for a report.
    pub async fn vendor_totals(&self, range: CivilRange, token: &Token) -> Result<Answer<VendorRow>, Failure> {
        let told = |failure| fit_to_show(failure, &token.secret);
        let received = self.receive(self.url(vendor_totals::API, range), &token.secret).await.map_err(told)?;
        let (retry_after, secret) = (received.retry_after, token.secret.clone());
        let judged = self.decoding.run(move || judge(received, TotalsRows, &secret, MAX_BYTES)).await;
        let judged = judged.unwrap_or_else(|_| {
            Err(Failure::new(Outcome::Malformed, "the answer could not be decoded (a defect of the exporter)"))
        });
        judged.map_err(|failure| Failure { retry_after, ..told(failure) })
    }
}
