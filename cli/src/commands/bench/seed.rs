//! Opportunities in bulk, straight into the tables: as many as a bench wants, in a few statements.
//!
//! They are opened, then closed, as the verbs would have left them but for history and events; what the figures are read
//! from is left by the database itself, as for every other change, and folded afterwards. Number `n` of them
//! always has the same values: ten years of days, 50 owners, 2,000 accounts, 10 products; 5 of 10 are won, 3 are lost.

use anyhow::Context as _;
use dealflow_chassis::Store;
use dealflow_opportunities::analytics::fold;
use indicatif::ProgressBar;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

/// As many are made by one statement.
const CHUNK: u64 = 50_000;

/// As many are folded into the figures by one statement.
const FOLDED: u32 = 100_000;

/// Makes those that are missing of so many.
pub(super) async fn seed(store: &Store, count: u64, progress: &ProgressBar) -> anyhow::Result<()> {
    let there = "SELECT COUNT(*) AS count FROM opportunity WHERE external_id LIKE 'seed-%'";
    let mut next = number(store, there).await?;
    progress.set_length(count);
    while next < count {
        let end = (next + CHUNK).min(count);
        progress.set_position(next);
        let tx = store.begin().await?;
        for statement in chunk(store.backend(), next, end) {
            tx.execute_unprepared(&statement).await.with_context(|| statement.clone())?;
        }
        tx.commit().await?;
        next = end;
    }
    // In parts: a statement may take thirty seconds at most, on a bench's connection too.
    fold::fold_by(store, FOLDED).await?;
    let analyze = if store.backend() == DbBackend::Postgres { "VACUUM ANALYZE" } else { "ANALYZE" };
    let tables = ["opportunity", "stage_entry", "open_figure", "open_delta", "closed_figure", "closed_fact"];
    if store.backend() == DbBackend::Postgres {
        // Not in a transaction: PostgreSQL's pool reads and writes alike.
        for table in tables {
            store.reader().execute_unprepared(&format!("{analyze} {table}")).await?;
        }
    } else {
        let tx = store.begin().await?;
        tx.execute_unprepared(analyze).await?;
        tx.commit().await?;
    }
    progress.finish_and_clear();
    Ok(())
}

/// A number that is asked for.
pub(super) async fn number(store: &Store, text: &str) -> anyhow::Result<u64> {
    let statement = Statement::from_string(store.backend(), text);
    let row = store.reader().query_one_raw(statement).await?.context("a count has a row")?;
    Ok(u64::try_from(row.try_get::<i64>("", "count")?)?)
}

/// The statements that make the opportunities from `first` to before `end`.
fn chunk(backend: DbBackend, first: u64, end: u64) -> [String; 4] {
    let postgres = backend == DbBackend::Postgres;
    let last = end - 1;
    let numbers = if postgres {
        format!("generate_series({first}::bigint, {last}::bigint) AS numbers(n)")
    } else {
        format!(
            "(WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) \
             SELECT n FROM numbers) numbers"
        )
    };
    let uuid = |high: &str, low: &str| {
        if postgres {
            format!(
                "(LPAD(TO_HEX({high}), 8, '0') || '-' || LPAD(TO_HEX({low}), 4, '0') || '-7000-8000-000000000001')::uuid"
            )
        } else {
            format!("UNHEX(PRINTF('%08x%04x70008000000000000001', {high}, {low}))")
        }
    };
    let days = |from: &str, days: &str| {
        if postgres {
            format!("(DATE '{from}' + ({days})::int)")
        } else {
            format!("DATE('{from}', '+' || ({days}) || ' days')")
        }
    };
    let product = if postgres {
        "'0199e3a0-0000-7000-8000-0000000000' || LPAD((n % 10)::text, 2, '0')"
    } else {
        "'0199e3a0-0000-7000-8000-0000000000' || PRINTF('%02d', n % 10)"
    };
    let line = format!(
        "'[{{\"id\":\"1\",\"product\":\"' || {product} || '\",\"description\":\"\",\"quantity\":\"1\",\"unit_code\":\"\",\
         \"unit_price\":\"1\",\"discount_percent\":null,\"vat\":null,\"net\":100}}]'"
    );
    let line = if postgres { format!("({line})::jsonb") } else { line };
    let empty = if postgres { "'{}'::jsonb" } else { "'{}'" };
    // UUIDs of January 2024, in order.
    let id = uuid("26000000 + n / 65536", "n % 65536");
    let (owner, account) = (uuid("1", "n % 50"), uuid("2", "n % 2000"));
    let now = if postgres { "NOW()" } else { "STRFTIME('%Y-%m-%dT%H:%M:%S+00:00', 'now')" };
    let opened = days("2016-01-01", "n * 13 % 3600");
    let decided = days("2026-01-01", "n * 31 % 720");
    let value = "n * 7919 % 1000000 * 100";
    let number = if postgres { "SUBSTR(external_id, 6)::bigint" } else { "CAST(SUBSTR(external_id, 6) AS BIGINT)" };
    let closed = if postgres {
        format!("open_date + ({number} % 138)::int")
    } else {
        format!("DATE(open_date, '+' || ({number} % 138) || ' days')")
    };
    let [first_id, last_id] =
        [first, last].map(|n| id.replace("n /", &format!("{n} /")).replace("n %", &format!("{n} %")));
    let among = format!("id >= {first_id} AND id <= {last_id}");
    [
        format!(
            "INSERT INTO opportunity (id, version, created_at, updated_at, state, stage, entry, title, owner, account, \
             bant, currency, lines, estimated_value, estimated_by_hand, estimated_rank, estimated_close_date, \
             probability, tactics, competitor, notes, source, external_id, open_date, spent_minutes, lose_comment) \
             SELECT {id}, 1, {now}, {now}, 'OPEN', \
             CASE n % 4 WHEN 0 THEN 'qualification' WHEN 1 THEN 'presentation' WHEN 2 THEN 'proposal' ELSE 'contracting' END, \
             {id}, 'Seed ' || n, {owner}, {account}, {empty}, 'USD', {line}, {value}, true, {value} * 100, {decided}, \
             CASE WHEN n % 5 = 0 THEN n % 101 END, '', '', '', \
             CASE n % 3 WHEN 0 THEN 'WEB' WHEN 1 THEN 'PARTNER' ELSE '' END, 'seed-' || n, {opened}, n % 3000, '' \
             FROM {numbers}"
        ),
        format!(
            "INSERT INTO stage_entry (id, opportunity, number, stage, entered_at, cause, planned) \
             SELECT id, id, 1, stage, created_at, 'OPENED', {} FROM opportunity WHERE {among}",
            if postgres { "'[]'::jsonb" } else { "'[]'" }
        ),
        format!(
            "UPDATE opportunity SET state = 'WON', stage = 'closed-won', probability = NULL, close_date = {closed}, \
             cycle_days = {number} % 138, actual_value = estimated_value * 9 / 10 \
             WHERE {among} AND {number} % 10 < 5"
        ),
        format!(
            "UPDATE opportunity SET state = 'LOST', stage = 'closed-lost', probability = NULL, close_date = {closed}, \
             cycle_days = {number} % 138, lose_reason = 'PRICE', lose_reason_code = \
             CASE {number} % 4 WHEN 0 THEN 'PRICE' WHEN 1 THEN 'NO_BUDGET' WHEN 2 THEN 'OUT_SOLD' ELSE 'NO_DECISION' END \
             WHERE {among} AND state = 'OPEN' AND {number} % 10 BETWEEN 5 AND 7"
        ),
    ]
}
