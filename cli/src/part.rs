//! The parts by name: those of a suite, and those that run beside one: adapters, the publisher of events.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use anyhow::Context as _;

/// A part of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartName {
    /// Leads, accounts, contacts.
    Leads,
    /// Opportunities, stages, processes, figures.
    Opportunities,
    /// Activities and people.
    Activities,
    /// Products, quotes, contracts, orders, invoices.
    Orders,
    /// The ERP stub.
    Erp,
    /// The adapter that writes UBL, to a folder or an endpoint: an ERP instead of the stub.
    ErpUbl,
    /// The adapter to ERPNext: an ERP instead of the stub.
    ErpErpnext,
    /// The publisher of all parts' events to NATS.
    EventsNats,
    /// The five phases, the deal view, flows, hand-overs.
    Gateway,
}

impl PartName {
    /// All parts of a suite, the gateway last: it needs the others.
    pub const ALL: [Self; 6] =
        [Self::Leads, Self::Opportunities, Self::Activities, Self::Orders, Self::Erp, Self::Gateway];

    /// Parts that run beside a suite where an operator starts them: a real ERP, a broker.
    pub const BESIDE: [Self; 3] = [Self::ErpUbl, Self::ErpErpnext, Self::EventsNats];

    /// The word for it in commands, file names and schemas.
    pub fn word(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Opportunities => "opportunities",
            Self::Activities => "activities",
            Self::Orders => "orders",
            Self::Erp => "erp",
            Self::ErpUbl => "erp-ubl",
            Self::ErpErpnext => "erp-erpnext",
            Self::EventsNats => "events-nats",
            Self::Gateway => "gateway",
        }
    }

    /// What it does, in a few words.
    pub fn serves(self) -> &'static str {
        match self {
            Self::Leads => "leads, accounts, contacts",
            Self::Opportunities => "opportunities, processes, figures",
            Self::Activities => "activities, people",
            Self::Orders => "products, quotes, contracts, orders, invoices",
            Self::Erp => "the ERP stub",
            Self::ErpUbl => "an ERP that takes UBL",
            Self::ErpErpnext => "ERPNext as an ERP",
            Self::EventsNats => "events on NATS, and its health here",
            Self::Gateway => "deals, flows, hand-overs, and all of the others",
        }
    }

    /// Its port, counted from the first one: the gateway's.
    fn offset(self) -> u16 {
        match self {
            Self::Gateway => 0,
            Self::Leads => 1,
            Self::Opportunities => 2,
            Self::Activities => 3,
            Self::Orders => 4,
            Self::Erp => 5,
            Self::ErpUbl => 6,
            Self::ErpErpnext => 7,
            Self::EventsNats => 8,
        }
    }

    /// Where it listens in a suite whose gateway listens at `first`; port 0 is a free one for each.
    ///
    /// # Errors
    /// Where there is no port so far behind the first.
    pub(crate) fn behind(self, mut first: SocketAddr) -> anyhow::Result<SocketAddr> {
        let port = first.port();
        if port != 0 {
            let own = port.checked_add(self.offset());
            first.set_port(own.with_context(|| format!("{self} needs a port after {port}: there is none"))?);
        }
        Ok(first)
    }

    /// Its schema on PostgreSQL.
    pub fn schema(self) -> String {
        self.word().replace('-', "_")
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for PartName {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = || Self::ALL.into_iter().chain(Self::BESIDE);
        all().find(|part| part.word() == word).ok_or_else(|| {
            let known: Vec<&str> = all().map(Self::word).collect();
            format!("`{word}` is no part; the parts are {}", known.join(", "))
        })
    }
}
