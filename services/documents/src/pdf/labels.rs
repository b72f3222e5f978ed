//! The fixed words of a document, in each language: data, so that a language is one more column.

use crate::{Kind, Stamp};

/// The language of a document for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    English,
    /// Russian.
    Russian,
}

/// The words of one language.
pub(super) struct Labels {
    pub(super) quote: &'static str,
    pub(super) order: &'static str,
    pub(super) invoice: &'static str,
    pub(super) credit_note: &'static str,
    pub(super) number: &'static str,
    pub(super) date: &'static str,
    pub(super) due: &'static str,
    pub(super) valid_until: &'static str,
    pub(super) buyer_reference: &'static str,
    pub(super) customer_order: &'static str,
    pub(super) our_order: &'static str,
    pub(super) our_quote: &'static str,
    pub(super) contract: &'static str,
    pub(super) credits: &'static str,
    pub(super) delivery: &'static str,
    pub(super) delivered_to: &'static str,
    pub(super) period: &'static str,
    pub(super) your_vat_id: &'static str,
    pub(super) position: &'static str,
    pub(super) item: &'static str,
    pub(super) quantity: &'static str,
    pub(super) unit: &'static str,
    pub(super) price: &'static str,
    pub(super) vat: &'static str,
    pub(super) amount: &'static str,
    pub(super) code: &'static str,
    pub(super) line_total: &'static str,
    pub(super) sum_of_lines: &'static str,
    pub(super) without_vat: &'static str,
    pub(super) vat_on: &'static str,
    pub(super) with_vat: &'static str,
    pub(super) prepaid: &'static str,
    pub(super) rounding: &'static str,
    pub(super) total: &'static str,
    pub(super) payable: &'static str,
    pub(super) credited: &'static str,
    /// How to pay; `{}` is the day.
    pub(super) pay_until: &'static str,
    pub(super) pay: &'static str,
    pub(super) account_name: &'static str,
    pub(super) account: &'static str,
    pub(super) bank: &'static str,
    pub(super) reference: &'static str,
    pub(super) vat_id: &'static str,
    pub(super) tax_registration: &'static str,
    pub(super) registration: &'static str,
    pub(super) page: &'static str,
    pub(super) of: &'static str,
    pub(super) draft: &'static str,
    pub(super) closed: &'static str,
    pub(super) months: [&'static str; 12],
}

static ENGLISH: Labels = Labels {
    quote: "Quote",
    order: "Order confirmation",
    invoice: "Invoice",
    credit_note: "Credit note",
    number: "Number",
    date: "Date",
    due: "Due",
    valid_until: "Valid until",
    buyer_reference: "Your reference",
    customer_order: "Your order",
    our_order: "Our order",
    our_quote: "Our quote",
    contract: "Contract",
    credits: "Credits",
    delivery: "Delivered",
    delivered_to: "Delivered to",
    period: "Period",
    your_vat_id: "Your VAT id",
    position: "No.",
    item: "Item",
    quantity: "Quantity",
    unit: "Unit",
    price: "Price",
    vat: "VAT",
    amount: "Amount",
    code: "Item no.",
    line_total: "Line total",
    sum_of_lines: "Sum of lines",
    without_vat: "Total without VAT",
    vat_on: "on",
    with_vat: "Total with VAT",
    prepaid: "Paid already",
    rounding: "Rounding",
    total: "Total",
    payable: "Amount due",
    credited: "Amount credited",
    pay_until: "Please transfer the amount due by {} to:",
    pay: "Please transfer the amount due to:",
    account_name: "Account holder",
    account: "Account",
    bank: "BIC",
    reference: "Payment reference",
    vat_id: "VAT id",
    tax_registration: "Tax registration",
    registration: "Registration",
    page: "Page",
    of: "of",
    draft: "DRAFT",
    closed: "CLOSED",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};

static RUSSIAN: Labels = Labels {
    quote: "Коммерческое предложение",
    order: "Подтверждение заказа",
    invoice: "Счёт",
    credit_note: "Кредит-нота",
    number: "Номер",
    date: "Дата",
    due: "Оплатить до",
    valid_until: "Действительно до",
    buyer_reference: "Ваш код",
    customer_order: "Ваш заказ",
    our_order: "Наш заказ",
    our_quote: "Наше предложение",
    contract: "Договор",
    credits: "К счёту",
    delivery: "Поставка",
    delivered_to: "Место поставки",
    period: "Период",
    your_vat_id: "Ваш ИНН",
    position: "№",
    item: "Наименование",
    quantity: "Кол-во",
    unit: "Ед.",
    price: "Цена",
    vat: "НДС",
    amount: "Сумма",
    code: "Артикул",
    line_total: "Итого по строке",
    sum_of_lines: "Сумма по строкам",
    without_vat: "Итого без НДС",
    vat_on: "с суммы",
    with_vat: "Итого с НДС",
    prepaid: "Уже оплачено",
    rounding: "Округление",
    total: "Итого",
    payable: "К оплате",
    credited: "К возврату",
    pay_until: "Просим перечислить сумму к оплате до {} по реквизитам:",
    pay: "Просим перечислить сумму к оплате по реквизитам:",
    account_name: "Получатель",
    account: "Счёт",
    bank: "БИК",
    reference: "Назначение платежа",
    vat_id: "ИНН",
    tax_registration: "Налоговый номер",
    registration: "Рег. номер",
    page: "Страница",
    of: "из",
    draft: "ЧЕРНОВИК",
    closed: "ЗАКРЫТО",
    months: [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ],
};

/// Units of measure that people read more easily by name: code, English, Russian.
const UNITS: &[(&str, &str, &str)] = &[
    ("C62", "pcs", "шт."),
    ("H87", "pcs", "шт."),
    ("EA", "pcs", "шт."),
    ("SET", "sets", "компл."),
    ("HUR", "h", "ч"),
    ("DAY", "days", "дн."),
    ("WEE", "weeks", "нед."),
    ("MON", "months", "мес."),
    ("ANN", "years", "лет"),
    ("KGM", "kg", "кг"),
    ("GRM", "g", "г"),
    ("TNE", "t", "т"),
    ("LTR", "l", "л"),
    ("MTR", "m", "м"),
    ("MTK", "m²", "м²"),
    ("MTQ", "m³", "м³"),
    ("KMT", "km", "км"),
    ("KWH", "kWh", "кВт·ч"),
    ("XBX", "boxes", "кор."),
    ("XPK", "packs", "уп."),
    ("LS", "lump sum", "компл."),
];

impl Language {
    /// Reads `en` or `ru`.
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::English),
            "ru" => Some(Self::Russian),
            _ => None,
        }
    }

    /// ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }

    pub(super) fn labels(self) -> &'static Labels {
        match self {
            Self::English => &ENGLISH,
            Self::Russian => &RUSSIAN,
        }
    }

    /// A unit of measure as people say it; its code where that is all there is.
    pub(super) fn unit(self, code: &str) -> &str {
        let known = UNITS.iter().find(|(known, ..)| *known == code);
        known.map_or(code, |(_, english, russian)| if self == Self::Russian { russian } else { english })
    }
}

impl Labels {
    pub(super) fn stamp(&self, stamp: Stamp) -> &'static str {
        match stamp {
            Stamp::Draft => self.draft,
            Stamp::Closed => self.closed,
        }
    }

    pub(super) fn title(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Quote => self.quote,
            Kind::OrderConfirmation => self.order,
            Kind::Invoice => self.invoice,
            Kind::CreditNote => self.credit_note,
        }
    }
}
