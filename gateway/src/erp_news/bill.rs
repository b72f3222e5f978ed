//! What the ERP's doings mean for an invoice or a credit note: what it was paid is recorded, what it booked out of its own is
//! void, and what it credits, refuses or asks about of ours somebody is told (R-INV-1, R-INV-2).

use dealflow_proto::convert;
use dealflow_proto::erp::v1::BusinessStatus;
use dealflow_proto::google::type_::Money;
use dealflow_proto::orders::v1::{
    GetInvoiceRequest, Invoice, ListPaymentsRequest, Payment, PaymentAllocation, RecordPaymentRequest,
    ReversePaymentRequest, VoidInvoiceRequest, invoice, payment,
};
use rust_decimal::Decimal;
use tonic::Status;

use super::{Clerk, ERP};
use crate::handoff::record::Kind;
use crate::handoff::{Followed, News};

impl Clerk {
    pub(super) async fn invoice(&self) -> Result<Followed, Status> {
        let paid = self.payments().await?;
        let turned = match self.news.status {
            // The ERP made it, and takes it back by itself (R-INV-2).
            BusinessStatus::Reversed if self.news.taken_over => return Ok(paid.and(self.void().await?)),
            _ => self.turned(),
        };
        Ok(self.not_taken().and(paid).and(turned).and(self.credits().await?))
    }

    /// What the ERP says of its money that our books cannot say: nobody is paid by a guess.
    fn not_taken(&self) -> Followed {
        let News { external_id, record, not_taken, .. } = &self.news;
        if not_taken.is_empty() {
            return Followed::Yes;
        }
        Followed::Cannot(format!(
            "the ERP says of {external_id}: {not_taken}; nothing of that is recorded of {record}: have the ERP say what is \
             paid in the currency of the invoice, or RecordPayment"
        ))
    }

    /// What the ERP takes back, refuses late or asks about, and our record cannot follow by itself.
    pub(super) fn turned(&self) -> Followed {
        let News { external_id, record, .. } = &self.news;
        let (did, help) = match self.news.status {
            BusinessStatus::Reversed | BusinessStatus::Cancelled => {
                let help = match self.news.kind {
                    Kind::Invoice => "have the ERP book it again; CreateCreditNote takes back what is not to be paid",
                    _ => "have the ERP book it again",
                };
                (if self.news.status == BusinessStatus::Reversed { "reversed" } else { "canceled" }, help)
            }
            BusinessStatus::Rejected => ("refused", "mend what it names, and have the ERP book it"),
            BusinessStatus::UnderQuery => ("queries", "answer it there"),
            _ => return Followed::Yes,
        };
        Followed::Cannot(format!("the ERP {did} {external_id}, and {record} stands here: {help}"))
    }

    /// What the ERP booked out again is void.
    async fn void(&self) -> Result<Followed, Status> {
        let (name, reason) = (self.news.record.clone(), "the ERP reversed it".to_owned());
        let ask = VoidInvoiceRequest { name, reason, withdrawn: true, ..VoidInvoiceRequest::default() };
        let Some(refused) = self.settle("void", ask).await? else { return Ok(Followed::Yes) };
        let invoice = self.ask(GetInvoiceRequest { name: self.news.record.clone() }).await?;
        if invoice.state() == invoice::State::Void {
            return Ok(Followed::Yes);
        }
        Ok(Followed::Cannot(format!("the ERP reversed {} {}: {}", invoice.name, invoice.number, refused.message())))
    }

    /// What the ERP credited comes with its credit note: the amount alone says nothing of the lines.
    async fn credits(&self) -> Result<Followed, Status> {
        let credited = self.news.credited.as_ref().map(decimal).transpose()?.unwrap_or_default();
        if credited.is_zero() {
            return Ok(Followed::Yes);
        }
        let invoice = self.ask(GetInvoiceRequest { name: self.news.record.clone() }).await?;
        let known = invoice.credited.as_ref().map(decimal).transpose()?.unwrap_or_default();
        if credited <= known {
            return Ok(Followed::Yes);
        }
        let told = format!(
            "the ERP credited {credited} {} of {} {}, and {known} are known here",
            invoice.currency_code, invoice.name, invoice.number
        );
        Ok(if self.news.taken_over {
            Followed::Waits(format!("{told}; ImportCreditNote takes its credit note over"))
        } else {
            Followed::Cannot(format!(
                "{told}; have the ERP take that back: CreateCreditNote hands over what is credited"
            ))
        })
    }

    /// What the ERP was paid, less what the invoice is paid here by whoever recorded it, is recorded; where that is more, what
    /// came from the ERP is reversed. What others recorded stays: the bank's word is not taken back on the ERP's.
    async fn payments(&self) -> Result<Followed, Status> {
        let Some(total) = self.news.paid.as_ref() else { return Ok(Followed::Yes) };
        let total = decimal(total)?;
        let told = self.told().await?;
        let invoice = self.ask(GetInvoiceRequest { name: self.news.record.clone() }).await?;
        let mut paid = invoice.paid.as_ref().map(decimal).transpose()?.unwrap_or_default();
        // The latest first: what was paid last is what was taken back. What the bank statement agreed with stays.
        let stays = |it: &&Payment| matches!(it.state(), payment::State::Reversed | payment::State::Reconciled);
        for payment in told.iter().rev().filter(|it| !stays(it)) {
            if paid <= total {
                break;
            }
            let (name, reason) = (payment.name.clone(), "the ERP says that less is paid".to_owned());
            let ask = ReversePaymentRequest { name, reason, ..ReversePaymentRequest::default() };
            if let Some(refused) = self.settle(&payment.name, ask).await? {
                // Somebody else was at it: what is left is taken anew.
                return Err(Status::aborted(refused.message()));
            }
            paid -= amount(payment)?;
        }
        if paid == total {
            return Ok(Followed::Yes);
        }
        if paid > total {
            return Ok(self.paid_more(&invoice, paid, total, &told));
        }
        let paid = convert::money(total - paid, &invoice.currency_code).map_err(|error| internal(&error))?;
        let next = 1 + told.iter().filter_map(place).max().unwrap_or_default();
        let payment = Payment {
            source: ERP.to_owned(),
            external_reference: format!("{}#{next}", self.news.external_id),
            account: invoice.account,
            amount: Some(paid.clone()),
            allocations: vec![PaymentAllocation { invoice: invoice.name, amount: Some(paid) }],
            ..Payment::default()
        };
        let ask = RecordPaymentRequest { payment: Some(payment), ..Default::default() };
        let recorded = self.settle(&format!("pay {next}"), ask).await?;
        let refused = |status: Status| Followed::Cannot(format!("what the ERP was paid: {}", status.message()));
        Ok(recorded.map_or(Followed::Yes, refused))
    }

    /// What it means that an invoice is paid more here than the ERP says, by what is not the ERP's, or is final.
    fn paid_more(&self, invoice: &Invoice, paid: Decimal, total: Decimal, told: &[Payment]) -> Followed {
        let (name, number, currency) = (&invoice.name, &invoice.number, &invoice.currency_code);
        let reconciled = told.iter().any(|it| it.state() == payment::State::Reconciled);
        // An ERP that has told of no payment has not heard of one yet: it is not against what is recorded.
        if total.is_zero() && told.is_empty() && self.news.status != BusinessStatus::PaymentReversed {
            return Followed::Yes;
        }
        let why = if reconciled {
            "with what is RECONCILED, which is final; agree with the bank statement who is right"
        } else {
            "recorded by others; have the ERP book what it does not know, or ReversePayment takes back what was not paid"
        };
        Followed::Cannot(format!(
            "the ERP says {total} {currency} of {name} {number} are paid, and {paid} are paid here, {why}"
        ))
    }

    /// Payments of this invoice that came from the ERP, first to last, those that were reversed too.
    async fn told(&self) -> Result<Vec<Payment>, Status> {
        let filter = format!("source = \"{ERP}\" AND external_reference = \"{}#*\"", self.news.external_id);
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let order_by = "create_time".to_owned();
            let ask = ListPaymentsRequest { page_size: 1000, page_token, filter: filter.clone(), order_by };
            let page = self.ask(ask).await?;
            all.extend(page.payments);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }
}

/// Which of the ERP's payments of its invoice it is. Not the event's sequence: that begins anew in an ERP that was restored
/// from a backup.
fn place(payment: &Payment) -> Option<i64> {
    payment.external_reference.rsplit_once('#').and_then(|(_, place)| place.parse().ok())
}

fn amount(payment: &Payment) -> Result<Decimal, Status> {
    Ok(payment.amount.as_ref().map(decimal).transpose()?.unwrap_or_default())
}

fn decimal(money: &Money) -> Result<Decimal, Status> {
    convert::decimal_of(money).map_err(|error| internal(&error))
}

fn internal(error: &convert::ConvertError) -> Status {
    Status::internal(error.to_string())
}
