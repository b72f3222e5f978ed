//! The kill drill: an import while the suite is killed again and again, then the books are compared (R-ERP-1, R-FLW-1).
//!
//! `cargo run --release -p dealflow-tests --bin kill -- --kills 100` kills the all-in-one process; `--parts` runs every
//! part as a process of its own and kills one of them at a time. SIGKILL, at random moments, nothing is told before.
//! It prints its figures and its seed, and ends non-zero if anything is lost, doubled or left undone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use dealflow::api::{Api, all_pages};
use dealflow::client::{Client, Target};
use dealflow::commands::import::crm::Crm;
use dealflow::suite::{Databases, PartName};
use dealflow_proto::erp::v1::{ErpDocument, Handoff, ListDocumentsRequest, ListHandoffsRequest, handoff};
use dealflow_proto::gateway::v1::{Flow, ListFlowsRequest};
use dealflow_proto::opportunities::v1::{ListOpportunitiesRequest, Opportunity, opportunity};
use dealflow_proto::orders::v1::{Invoice, ListInvoicesRequest, ListOrdersRequest, Order};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use secrecy::{ExposeSecret as _, SecretString};

/// Kills the suite while deals run through it.
#[derive(Debug, Parser)]
struct Drill {
    /// How often something is killed
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// Every part is a process of its own, and one of them is killed at a time
    #[arg(long)]
    parts: bool,
    /// Deals to import; more are made as long as there are kills left
    #[arg(long, default_value_t = 600)]
    deals: usize,
    /// Deals at the same time
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
    /// PostgreSQL instead of embedded databases
    #[arg(long)]
    database_url: Option<SecretString>,
    /// The first port
    #[arg(long, default_value_t = 7600)]
    port: u16,
    /// Repeats an earlier drill's moments
    #[arg(long)]
    seed: Option<u64>,
    /// The program; the one beside this one where it is not said
    #[arg(long)]
    program: Option<PathBuf>,
}

/// The processes, one for the whole suite or one for each part.
struct Processes {
    program: PathBuf,
    drill: Arc<Drill>,
    data: PathBuf,
    running: Vec<(Option<PartName>, Child)>,
}

impl Processes {
    fn start(&mut self, part: Option<PartName>) -> anyhow::Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("serve").args(part.map(|part| part.word()));
        command.arg("--data").arg(&self.data).env("DEALFLOW_LISTEN", format!("127.0.0.1:{}", self.drill.port));
        let neighbours = [("leads", 1), ("opportunities", 2), ("activities", 3), ("orders", 4), ("erp", 5)];
        // A whole suite runs them all, and takes no addresses.
        for (name, offset) in neighbours.into_iter().filter(|_| part.is_some()) {
            let variable = format!("DEALFLOW_{}_URL", name.to_uppercase());
            command.env(variable, format!("http://127.0.0.1:{}", self.drill.port + offset));
        }
        if let Some(url) = &self.drill.database_url {
            command.env("DEALFLOW_DATABASE_URL", url.expose_secret());
        }
        let child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("the program does not start")?;
        self.running.push((part, child));
        Ok(())
    }

    /// SIGKILL, and the same again from the start.
    fn kill(&mut self, index: usize) -> anyhow::Result<()> {
        let (part, mut child) = self.running.remove(index);
        child.kill().context("SIGKILL")?;
        child.wait().context("the killed process ends")?;
        self.start(part)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            // What is gone already needs no kill.
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let drill = Arc::new(Drill::parse());
    let seed = drill.seed.unwrap_or_else(|| rand::rng().random());
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("source");
    write_source(&source, drill.deals)?;
    let program = match &drill.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("dealflow"),
    };
    ensure!(program.exists(), "{} is not built: cargo build --release", program.display());

    let data = folder.path().join("data");
    let mut processes = Processes { program, drill: drill.clone(), data, running: Vec::new() };
    if drill.parts {
        for part in PartName::ALL {
            processes.start(Some(part))?;
        }
    } else {
        processes.start(None)?;
    }

    let done = Arc::new(AtomicBool::new(false));
    let import = tokio::spawn(import(drill.clone(), source, done.clone()));
    let begun = Instant::now();
    let (kills, while_importing) = kill_on(&mut processes, &drill, seed, &done).await?;
    let imported = import.await.context("the import ended")??;
    let seconds = begun.elapsed().as_secs_f64();

    let address = format!("http://127.0.0.1:{}", drill.port);
    let found = settle(&Api::new(&Client::remote(&address)?.link, "drill")).await?;
    let faults = found.faults(drill.deals);
    let what = if drill.parts { "single parts, each a process" } else { "the all-in-one process" };
    let database = if drill.database_url.is_some() { "PostgreSQL" } else { "SQLite, durability full" };
    println!("kill drill: {what}, on {database}, seed {seed}");
    println!("{kills} kills in {seconds:.1} s, {while_importing} of them while deals ran; {imported} deals imported");
    println!(
        "{} opportunities, {} orders, {} invoices, {} hand-overs, {} documents in the ERP, {} flows",
        found.opportunities.len(),
        found.orders.len(),
        found.invoices.len(),
        found.handoffs.len(),
        found.documents.len(),
        found.flows
    );
    println!("lost, doubled or undone: {}", faults.len());
    for fault in &faults {
        println!("  {fault}");
    }
    ensure!(faults.is_empty(), "the books do not agree");
    Ok(())
}

/// Imports until everything is there: a deal that gave up because its part was away too long is asked for again.
async fn import(drill: Arc<Drill>, source: PathBuf, done: Arc<AtomicBool>) -> anyhow::Result<u64> {
    let address = format!("http://127.0.0.1:{}", drill.port);
    let command = Crm {
        dir: source,
        concurrency: drill.concurrency,
        limit: None,
        profile: None,
        json: true,
        target: Target {
            gateway: Some(address.clone()),
            ca: None,
            token_file: None,
            actor: "drill".to_owned(),
            databases: Databases::embedded("unused"),
        },
    };
    let api = Api::new(&Client::remote(&address)?.link, "import/crm");
    let mut imported = 0;
    let mut last = String::new();
    for _ in 0..200 {
        match command.import(&api).await {
            Ok(outcome) => {
                imported += outcome.imported;
                let rejects = outcome.rejects();
                if rejects.is_empty() {
                    done.store(true, Ordering::Release);
                    return Ok(imported);
                }
                last = rejects.join("; ");
            }
            Err(error) => last = format!("{error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    done.store(true, Ordering::Release);
    bail!("the import does not come to its end: {last}");
}

/// Kills at random moments until the number is reached; answers how many hit while deals ran.
async fn kill_on(processes: &mut Processes, drill: &Drill, seed: u64, done: &AtomicBool) -> anyhow::Result<(u32, u32)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut while_importing = 0;
    for _ in 0..drill.kills {
        let pause = if drill.parts { 50..600 } else { 200..1200 };
        tokio::time::sleep(Duration::from_millis(random.random_range(pause))).await;
        let index = random.random_range(0..processes.running.len());
        while_importing += u32::from(!done.load(Ordering::Acquire));
        processes.kill(index)?;
    }
    Ok((drill.kills, while_importing))
}

/// What stands after the storm.
struct Found {
    opportunities: Vec<Opportunity>,
    orders: Vec<Order>,
    invoices: Vec<Invoice>,
    handoffs: Vec<Handoff>,
    documents: Vec<ErpDocument>,
    open_flows: Vec<Flow>,
    flows: usize,
}

/// Waits until nothing is under way, and reads everything.
async fn settle(api: &Api) -> anyhow::Result<Found> {
    let deadline = Instant::now() + Duration::from_secs(180);
    loop {
        let open = (open_flows(api, "state != \"COMPLETED\"").await, handoffs(api, "state != \"DELIVERED\"").await);
        match open {
            (Ok(flows), Ok(handoffs)) if flows.is_empty() && handoffs.is_empty() => return read(api).await,
            _ if Instant::now() > deadline => return read(api).await,
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

async fn read(api: &Api) -> anyhow::Result<Found> {
    Ok(Found {
        opportunities: all_pages(|page_token| async move {
            let ask = ListOpportunitiesRequest { page_size: 1000, page_token, ..Default::default() };
            let page = api.opportunities.clone().list_opportunities(api.ask(ask)).await?.into_inner();
            Ok((page.opportunities, page.next_page_token))
        })
        .await?,
        orders: all_pages(|page_token| async move {
            let ask = ListOrdersRequest { page_size: 1000, page_token, ..Default::default() };
            let page = api.orders.clone().list_orders(api.ask(ask)).await?.into_inner();
            Ok((page.orders, page.next_page_token))
        })
        .await?,
        invoices: all_pages(|page_token| async move {
            let ask = ListInvoicesRequest { page_size: 1000, page_token, ..Default::default() };
            let page = api.invoices.clone().list_invoices(api.ask(ask)).await?.into_inner();
            Ok((page.invoices, page.next_page_token))
        })
        .await?,
        handoffs: handoffs(api, "").await?,
        documents: all_pages(|page_token| async move {
            let ask = ListDocumentsRequest { page_size: 1000, page_token, ..Default::default() };
            let page = api.erp.clone().list_documents(api.ask(ask)).await?.into_inner();
            Ok((page.documents, page.next_page_token))
        })
        .await?,
        open_flows: open_flows(api, "state != \"COMPLETED\"").await?,
        flows: open_flows(api, "").await?.len(),
    })
}

async fn open_flows(api: &Api, filter: &str) -> anyhow::Result<Vec<Flow>> {
    let flows = all_pages(|page_token| async move {
        let ask = ListFlowsRequest { page_size: 1000, page_token, filter: filter.to_owned(), ..Default::default() };
        let page = api.flows.clone().list_flows(api.ask(ask)).await?.into_inner();
        Ok((page.flows, page.next_page_token))
    });
    Ok(flows.await?)
}

async fn handoffs(api: &Api, filter: &str) -> anyhow::Result<Vec<Handoff>> {
    let handoffs = all_pages(|page_token| async move {
        let ask = ListHandoffsRequest { page_size: 1000, page_token, filter: filter.to_owned(), ..Default::default() };
        let page = api.handoffs.clone().list_handoffs(api.ask(ask)).await?.into_inner();
        Ok((page.handoffs, page.next_page_token))
    });
    Ok(handoffs.await?)
}

impl Found {
    /// Everything that is not as it must be.
    fn faults(&self, deals: usize) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |what: &str, expected: usize, found: usize| {
            if expected != found {
                faults.push(format!("{what}: {found} instead of {expected}"));
            }
        };
        let won = self.opportunities.iter().filter(|one| one.state() == opportunity::State::Won).count();
        let lost = self.opportunities.iter().filter(|one| one.state() == opportunity::State::Lost).count();
        let sources: BTreeSet<&str> = self.opportunities.iter().map(|one| one.external_id.as_str()).collect();
        expect("opportunities", deals, self.opportunities.len());
        expect("opportunities by source", deals, sources.len());
        expect("won", deals.div_ceil(2), won);
        expect("lost", deals / 4, lost);
        expect("orders", won, self.orders.len());
        expect("invoices", won, self.invoices.len());
        expect("hand-overs", 2 * won, self.handoffs.len());
        expect("documents in the ERP", 2 * won, self.documents.len());
        let ours: BTreeMap<&str, &str> =
            self.handoffs.iter().map(|one| (one.external_id.as_str(), one.document_sha256.as_str())).collect();
        let theirs: BTreeMap<&str, &str> =
            self.documents.iter().map(|one| (one.external_id.as_str(), one.document_sha256.as_str())).collect();
        let agreeing = ours.iter().filter(|(id, hash)| theirs.get(*id) == Some(*hash)).count();
        expect("documents that agree by id and hash", 2 * won, agreeing);
        let mut numbers: Vec<&str> = self.invoices.iter().map(|one| one.number.as_str()).collect();
        numbers.sort_unstable();
        let by_series = numbers.iter().fold(BTreeMap::<&str, Vec<u64>>::new(), |mut series, number| {
            if let Some((prefix, count)) = number.rsplit_once('-') {
                series.entry(prefix).or_default().push(count.parse().unwrap_or_default());
            }
            series
        });
        for (series, numbers) in by_series {
            let gapless = numbers.iter().zip(1_u64..).all(|(number, expected)| *number == expected);
            expect(&format!("invoice numbers of {series} without gaps"), 1, usize::from(gapless));
        }
        faults.extend(self.open_flows.iter().map(|flow| {
            format!("{} {} is {:?} at `{}`: {}", flow.name, flow.verb, flow.state(), flow.step, flow.reason)
        }));
        let undelivered = self.handoffs.iter().filter(|one| one.state() != handoff::State::Delivered);
        faults.extend(undelivered.map(|one| format!("{} is {:?}: {}", one.external_id, one.state(), one.last_error)));
        faults
    }
}

/// A source of deals: of four, two are won, one is lost, one stays open.
fn write_source(folder: &Path, deals: usize) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let write = |file: &str, text: String| std::fs::write(folder.join(file), text);
    write(
        "accounts.csv",
        "account,sector,year_established,revenue,employees,office_location,subsidiary_of\nAcme,retail,1990,12.5,100,Kenya,\n"
            .to_owned(),
    )?;
    write("products.csv", "product,series,sales_price\nGTX Basic,GTX,550\nGTX Pro,GTX,4821\n".to_owned())?;
    write("sales_teams.csv", "sales_agent,manager,regional_office\nAnn,Bea,East\n".to_owned())?;
    let mut pipeline =
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n".to_owned();
    for number in 0..deals {
        let (stage, close, value) = match number % 4 {
            0 | 2 => ("Won", "2017-03-01", "540"),
            1 => ("Lost", "2017-02-01", "0"),
            _ => ("Engaging", "", ""),
        };
        pipeline.push_str(&format!("D{number:06},Ann,GTXPro,Acme,{stage},2017-01-10,{close},{value}\n"));
    }
    write("sales_pipeline.csv", pipeline)?;
    Ok(())
}
