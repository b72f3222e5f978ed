//! What figures are read from (R-ANA-1): facts that each change of an opportunity leaves in its own transaction, and the
//! sums that they are folded into later.
//!
//! - `open_delta`     what an open opportunity was (−1) and is now (+1), one row each; gone once it is folded
//! - `open_figure`    their sums by owner, stage, process, currency and day; owner `*` is everybody
//! - `closed_fact`    one row for each closed opportunity, and one for each of its products; kept
//! - `closed_figure`  their sums by day, month and year, for each of the dimensions that they are grouped by
//!
//! The facts are left by triggers: no verb can forget them, an older replica that runs beside leaves them too, and they
//! cost no round trip. An amount is kept as billions and rest, so that no sum of them can overflow. Owners, accounts and
//! products are kept as 32 hexadecimal digits, the same on both databases; what is not known is the empty text, and the
//! day 0001-01-01.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The tables, and what fills them.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const OPEN_KEYS: [&str; 4] = ["owner", "stage", "process", "currency"];
const OPEN_SUMS: [&str; 7] =
    ["count", "value_high", "value_low", "plain_high", "plain_low", "weighted_high", "weighted_low"];
const CLOSED_KEYS: [&str; 7] = ["owner", "account", "reason", "stage", "source", "process", "currency"];
const CLOSED_SUMS: [&str; 10] = [
    "won_count",
    "lost_count",
    "won_high",
    "won_low",
    "estimated_high",
    "estimated_low",
    "won_days",
    "lost_days",
    "won_minutes",
    "lost_minutes",
];

/// The columns whose change makes an open opportunity count otherwise, beside the process.
const COUNTED: [&str; 7] =
    ["state", "stage", "owner", "currency", "estimated_value", "probability", "estimated_close_date"];

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX open_figure_by_key ON open_figure (owner, stage, process, currency, day)",
    "CREATE INDEX open_figure_empty ON open_figure (owner) WHERE count = 0",
    "CREATE UNIQUE INDEX closed_figure_by_key ON closed_figure (dim, level, period, key, currency)",
    // Not folded yet; and what no sum serves: by owner, by process, by day.
    "CREATE INDEX closed_fact_new ON closed_fact (seq) WHERE folded = false",
    "CREATE INDEX closed_fact_by_owner ON closed_fact (owner, day)",
    "CREATE INDEX closed_fact_by_process ON closed_fact (process, day)",
    "CREATE INDEX closed_fact_by_day ON closed_fact (day)",
    // The way through the stages, of the sales that began in a range of days.
    "CREATE INDEX opportunity_by_open_date ON opportunity (open_date)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = Dialect(manager.get_database_backend());
        for table in [open("open_delta"), open("open_figure"), closed_fact(), closed_figure()] {
            manager.create_table(table).await?;
        }
        let column = big_integer_null("spent_micros");
        manager.alter_table(Table::alter().table("stage_entry").add_column(column).to_owned()).await?;
        let db = manager.get_connection();
        for statement in INDEXES.iter().map(ToString::to_string).chain(dialect.backfill()).chain(dialect.triggers()) {
            db.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let db = manager.get_connection();
        for trigger in ["opportunity_figures_insert", "opportunity_figures_update"] {
            let on = if postgres { " ON opportunity" } else { "" };
            db.execute_unprepared(&format!("DROP TRIGGER {trigger}{on}")).await?;
        }
        if postgres {
            db.execute_unprepared("DROP FUNCTION opportunity_figures()").await?;
        }
        db.execute_unprepared("DROP INDEX opportunity_by_open_date").await?;
        manager.alter_table(Table::alter().table("stage_entry").drop_column("spent_micros").to_owned()).await?;
        for table in ["closed_figure", "closed_fact", "open_figure", "open_delta"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn open(name: &'static str) -> TableCreateStatement {
    let mut table = Table::create().table(name).to_owned();
    if name == "open_delta" {
        table.col(big_integer("seq").auto_increment().primary_key().take());
    }
    for key in OPEN_KEYS {
        table.col(text(key));
    }
    table.col(date("day"));
    for sum in OPEN_SUMS {
        table.col(big_integer(sum));
    }
    table
}

fn closed_fact() -> TableCreateStatement {
    let mut table = Table::create().table("closed_fact").to_owned();
    table.col(big_integer("seq").auto_increment().primary_key().take());
    table.col(uuid("opportunity"));
    // None: the row of the opportunity; a product, or the empty text for lines without one: a row of its products.
    table.col(text_null("product"));
    table.col(date("day"));
    for key in CLOSED_KEYS {
        table.col(text(key));
    }
    for sum in CLOSED_SUMS {
        table.col(big_integer(sum));
    }
    table.col(boolean("folded").default(false).take());
    table
}

fn closed_figure() -> TableCreateStatement {
    let mut table = Table::create().table("closed_figure").to_owned();
    for key in ["dim", "level"] {
        table.col(text(key));
    }
    table.col(date("period"));
    for key in ["key", "currency"] {
        table.col(text(key));
    }
    for sum in CLOSED_SUMS {
        table.col(big_integer(sum));
    }
    table
}

/// How a row's lines are read: as items of a FROM, the product and the net of each, and whether there is none.
struct Lines {
    items: String,
    product: &'static str,
    net: &'static str,
    none: String,
}

/// What the two databases say differently.
#[derive(Clone, Copy)]
struct Dialect(DbBackend);

impl Dialect {
    fn postgres(self) -> bool {
        self.0 == DbBackend::Postgres
    }

    /// A UUID of a row as hexadecimal digits.
    fn hex(self, column: &str) -> String {
        if self.postgres() {
            format!("COALESCE(REPLACE({column}::text, '-', ''), '')")
        } else {
            format!("LOWER(HEX({column}))")
        }
    }

    fn process(self, row: &str) -> String {
        if self.postgres() {
            format!("COALESCE({row}.run->>'process', '')")
        } else {
            format!("COALESCE(JSON_EXTRACT({row}.run, '$.process'), '')")
        }
    }

    /// What a row of `opportunity` counts for as an open one, `sign` times.
    fn open_values(self, row: &str, sign: i32) -> String {
        let none = if self.postgres() { "DATE '0001-01-01'" } else { "'0001-01-01'" };
        let (owner, process) = (self.hex(&format!("{row}.owner")), self.process(row));
        let value = format!("COALESCE({row}.estimated_value, 0)");
        let plain = format!("(CASE WHEN {row}.probability IS NULL THEN 1 ELSE 0 END)");
        let weight = format!("COALESCE({row}.probability, 0)");
        let (high, low) = halves(&value);
        format!(
            "{owner}, {row}.stage, {process}, {row}.currency, COALESCE({row}.estimated_close_date, {none}), {sign}, \
             {sign} * {high}, {sign} * {low}, {sign} * {high} * {plain}, {sign} * {low} * {plain}, \
             {sign} * {high} * {weight}, {sign} * {low} * {weight}"
        )
    }

    fn insert_open(self, row: &str, sign: i32, rest: &str) -> String {
        let columns = [&OPEN_KEYS[..], &["day"], &OPEN_SUMS[..]].concat().join(", ");
        format!("INSERT INTO open_delta ({columns}) SELECT {} {rest}", self.open_values(row, sign))
    }

    /// The columns of a closed fact, and what a row counts for beside its product; `stage` is what it was closed from.
    fn closed_keys(self, row: &str, stage: &str) -> String {
        format!(
            "{row}.close_date, {}, {}, COALESCE(NULLIF({row}.lose_reason_code, ''), {row}.lose_reason, ''), {stage}, \
             {row}.source, {}, {row}.currency",
            self.hex(&format!("{row}.owner")),
            self.hex(&format!("{row}.account")),
            self.process(row),
        )
    }

    /// The facts of a row that a trigger sees closed: its own, and one for each of its products.
    fn insert_closed(self, stage: &str, only: &str) -> [String; 2] {
        let (keys, actual, into) = (self.closed_keys("NEW", stage), actual("NEW"), into_closed());
        let whole = closed_sums("NEW", &actual, &halves("COALESCE(NEW.estimated_value, 0)"));
        let share = ("p.high".to_owned(), "p.low".to_owned());
        let share = closed_sums("NEW", &share, &share);
        let products = self.products("NEW", &actual);
        [
            format!("{into} SELECT NEW.id, NULL, {keys}, {whole} WHERE {only}"),
            format!("{into} SELECT NEW.id, p.product, {keys}, {share} FROM ({products}) p WHERE {only}"),
        ]
    }

    /// The facts of the closed rows that stand in the database.
    fn backfill_closed(self) -> [String; 3] {
        let stage = "COALESCE((SELECT e.stage FROM stage_entry e WHERE e.opportunity = o.id \
                     ORDER BY e.number DESC LIMIT 1 OFFSET 1), '')";
        let (keys, actual, into) = (self.closed_keys("o", stage), actual("o"), into_closed());
        let whole = closed_sums("o", &actual, &halves("COALESCE(o.estimated_value, 0)"));
        let Lines { items, product, net, none } = self.lines("o");
        let (high, low) = halves(net);
        let share = (format!("CAST(SUM({high}) AS BIGINT)"), format!("CAST(SUM({low}) AS BIGINT)"));
        let share = closed_sums("o", &share, &share);
        let bare = closed_sums("o", &actual, &actual);
        let closed = "o.state <> 'OPEN'";
        [
            format!("{into} SELECT o.id, NULL, {keys}, {whole} FROM opportunity o WHERE {closed}"),
            format!(
                "{into} SELECT o.id, {product}, {keys}, {share} FROM opportunity o, {items} \
                 WHERE {closed} GROUP BY o.id, 2"
            ),
            format!("{into} SELECT o.id, '', {keys}, {bare} FROM opportunity o WHERE {closed} AND {none}"),
        ]
    }

    /// How a row's lines are read.
    fn lines(self, row: &str) -> Lines {
        if self.postgres() {
            return Lines {
                items: format!("jsonb_array_elements({row}.lines) line"),
                product: "COALESCE(REPLACE(line->>'product', '-', ''), '')",
                net: "COALESCE((line->>'net')::bigint, 0)",
                none: format!("jsonb_array_length({row}.lines) = 0"),
            };
        }
        Lines {
            items: format!("JSON_EACH({row}.lines) line"),
            product: "COALESCE(REPLACE(JSON_EXTRACT(line.value, '$.product'), '-', ''), '')",
            net: "COALESCE(JSON_EXTRACT(line.value, '$.net'), 0)",
            none: format!("JSON_ARRAY_LENGTH({row}.lines) = 0"),
        }
    }

    /// The products of a row's lines, each with the billions and the rest of what its lines are worth; a row without
    /// lines has sold its whole value without a product.
    fn products(self, row: &str, actual: &(String, String)) -> String {
        let Lines { items, product, net, none } = self.lines(row);
        let (high, low) = halves(net);
        format!(
            "SELECT {product} AS product, CAST(SUM({high}) AS BIGINT) AS high, CAST(SUM({low}) AS BIGINT) AS low \
             FROM {items} GROUP BY 1 UNION ALL SELECT '', {}, {} WHERE {none}",
            actual.0, actual.1
        )
    }

    /// What stands in the database before anything leaves facts.
    fn backfill(self) -> Vec<String> {
        let spent = if self.postgres() {
            "CAST(EXTRACT(EPOCH FROM left_at - entered_at) * 1000000 AS BIGINT)"
        } else {
            // To the millisecond: what SQLite tells of a text.
            "1000 * CAST(ROUND((JULIANDAY(left_at) - JULIANDAY(entered_at)) * 86400000) AS BIGINT)"
        };
        let mut statements = vec![
            self.insert_open("o", 1, "FROM opportunity o WHERE o.state = 'OPEN'"),
            format!("UPDATE stage_entry SET spent_micros = {spent} WHERE left_at IS NOT NULL"),
        ];
        statements.extend(self.backfill_closed());
        statements
    }

    fn triggers(self) -> Vec<String> {
        if self.postgres() { self.postgres_triggers() } else { self.sqlite_triggers() }
    }

    fn sqlite_triggers(self) -> Vec<String> {
        let opened = self.insert_open("NEW", 1, "WHERE NEW.state = 'OPEN'");
        let was = self.insert_open("OLD", -1, "WHERE OLD.state = 'OPEN'");
        let [made, made_products] = self.insert_closed("''", "NEW.state <> 'OPEN'");
        let only = "OLD.state = 'OPEN' AND NEW.state <> 'OPEN'";
        let [closed, closed_products] = self.insert_closed("OLD.stage", only);
        let mut differs: Vec<String> =
            COUNTED.iter().map(|column| format!("OLD.{column} IS NOT NEW.{column}")).collect();
        differs.push(format!("{} <> {}", self.process("OLD"), self.process("NEW")));
        let differs = differs.join(" OR ");
        vec![
            "CREATE INDEX opportunity_by_process ON opportunity (JSON_EXTRACT(run, '$.process'))".to_owned(),
            format!(
                "CREATE TRIGGER opportunity_figures_insert AFTER INSERT ON opportunity \
                 BEGIN {opened}; {made}; {made_products}; END"
            ),
            format!(
                "CREATE TRIGGER opportunity_figures_update AFTER UPDATE ON opportunity WHEN {differs} \
                 BEGIN {was}; {opened}; {closed}; {closed_products}; END"
            ),
        ]
    }

    fn postgres_triggers(self) -> Vec<String> {
        let opened = self.insert_open("NEW", 1, "");
        let was = self.insert_open("OLD", -1, "");
        let [made, made_products] = self.insert_closed("''", "true");
        let [closed, closed_products] = self.insert_closed("OLD.stage", "true");
        let mut differs: Vec<String> =
            COUNTED.iter().map(|column| format!("OLD.{column} IS DISTINCT FROM NEW.{column}")).collect();
        differs.push(format!("{} <> {}", self.process("OLD"), self.process("NEW")));
        let differs = differs.join(" OR ");
        vec![
            "CREATE INDEX opportunity_by_process ON opportunity ((run->>'process'))".to_owned(),
            format!(
                "CREATE FUNCTION opportunity_figures() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF TG_OP = 'INSERT' THEN
                   IF NEW.state = 'OPEN' THEN {opened}; ELSE {made}; {made_products}; END IF;
                   RETURN NULL;
                 END IF;
                 IF OLD.state = 'OPEN' THEN {was}; END IF;
                 IF NEW.state = 'OPEN' THEN {opened};
                 ELSIF OLD.state = 'OPEN' THEN {closed}; {closed_products}; END IF;
                 RETURN NULL;
                 END $$"
            ),
            "CREATE TRIGGER opportunity_figures_insert AFTER INSERT ON opportunity FOR EACH ROW \
             EXECUTE FUNCTION opportunity_figures()"
                .to_owned(),
            format!(
                "CREATE TRIGGER opportunity_figures_update AFTER UPDATE ON opportunity FOR EACH ROW \
                 WHEN ({differs}) EXECUTE FUNCTION opportunity_figures()"
            ),
        ]
    }
}

/// An amount's billions and its rest; both databases divide towards zero.
fn halves(amount: &str) -> (String, String) {
    (format!("({amount} / 1000000000)"), format!("({amount} % 1000000000)"))
}

/// What a row was worth.
fn actual(row: &str) -> (String, String) {
    halves(&format!("COALESCE({row}.actual_value, 0)"))
}

fn into_closed() -> String {
    let columns = [&["opportunity", "product", "day"], &CLOSED_KEYS[..], &CLOSED_SUMS[..]].concat();
    format!("INSERT INTO closed_fact ({})", columns.join(", "))
}

/// What a closed row, or one of its products, counts for.
fn closed_sums(row: &str, value: &(String, String), estimate: &(String, String)) -> String {
    let won = format!("(CASE WHEN {row}.state = 'WON' THEN 1 ELSE 0 END)");
    let lost = format!("(CASE WHEN {row}.state = 'LOST' THEN 1 ELSE 0 END)");
    format!(
        "{won}, {lost}, {won} * {}, {won} * {}, {won} * {}, {won} * {}, {won} * COALESCE({row}.cycle_days, 0), \
         {lost} * COALESCE({row}.cycle_days, 0), {won} * {row}.spent_minutes, {lost} * {row}.spent_minutes",
        value.0, value.1, estimate.0, estimate.1
    )
}
