//! Checks a stretch of the chain against the rows that are there.

use std::collections::HashMap;

use dealflow_proto::audit::v1::{AuditFault, AuditFaultKind, AuditVerdict};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{BEGINNING, Column, Entity, Model, content, frame, link, place_of};
use crate::feed::place;
use crate::history;
use crate::store::Store;

/// Faults that one answer tells.
const MOST: usize = 100;
/// What the kind of a row ends with that tells of an erasure.
const ERASED: &str = ".erased";

/// Checks up to `rows` links after a place. `noted` is the link there, as somebody kept it.
pub(super) async fn verify(store: &Store, after: i64, noted: Option<&[u8]>, rows: u64) -> Result<AuditVerdict, DbErr> {
    let (db, backend) = (store.reader(), store.backend());
    let column = place(backend);
    let links = Entity::find().filter(Column::Place.gt(after)).order_by_asc(Column::Place).limit(rows).all(db).await?;
    let end = links.last().map_or(after, |last| last.place);
    let kept =
        history::Entity::find().filter(column.gt(after)).filter(column.lte(end)).order_by_asc(column).all(db).await?;
    let unsealed =
        history::Entity::find().filter(Condition::any().add(column.gt(end)).add(column.is_null())).count(db).await?;
    let head = Entity::find().order_by_desc(Column::Place).one(db).await?.map_or(0, |last| last.place);
    let before = match after {
        0 => BEGINNING.to_vec(),
        _ => Entity::find_by_id(after).one(db).await?.map(|link| link.link).unwrap_or_default(),
    };
    let mut found = Found::default();
    if noted.is_some_and(|noted| noted != before) {
        found.fault(after, AuditFaultKind::Rewritten, "");
    }
    let mut rows: HashMap<i64, history::Model> = HashMap::with_capacity(kept.len());
    for row in kept {
        rows.extend(place_of(&row, backend).map(|place| (place, row)));
    }
    let row_count = i64::try_from(links.len()).unwrap_or(i64::MAX);
    let last = found.walk(links, before, &mut rows);
    for (place, row) in rows {
        found.fault(place, AuditFaultKind::Inserted, &row.subject);
    }
    found.excuse_erased(store).await?;
    found.faults.sort_by_key(|fault| fault.position);
    found.faults.truncate(MOST);
    Ok(AuditVerdict {
        part: String::new(),
        row_count,
        erased_count: found.erased,
        position: end,
        link: hex(&last),
        more: end < head,
        unsealed_count: if end < head { 0 } else { i64::try_from(unsealed).unwrap_or(i64::MAX) },
        faults: found.faults,
    })
}

#[derive(Default)]
struct Found {
    faults: Vec<AuditFault>,
    /// Rows whose content is another, by their record.
    blanked: Vec<(i64, i64, String)>,
    erased: i64,
}

impl Found {
    fn fault(&mut self, position: i64, kind: AuditFaultKind, subject: &str) {
        self.faults.push(AuditFault { position, kind: kind.into(), subject: subject.to_owned() });
    }

    /// Walks along the links, and takes away the rows that belong to them; answers the last link.
    fn walk(&mut self, links: Vec<Model>, mut before: Vec<u8>, rows: &mut HashMap<i64, history::Model>) -> Vec<u8> {
        for it in links {
            if link(&before, it.place, &it.frame, &it.content).as_slice() != it.link {
                self.fault(it.place, AuditFaultKind::Broken, "");
            }
            match rows.remove(&it.place) {
                None => self.fault(it.place, AuditFaultKind::Removed, ""),
                Some(row) if frame(&row).as_slice() != it.frame => {
                    self.fault(it.place, AuditFaultKind::Changed, &row.subject);
                }
                Some(row) if content(&row).as_slice() != it.content => {
                    self.blanked.push((it.place, row.seq, row.subject));
                }
                Some(_) => {}
            }
            before = it.link;
        }
        before
    }

    /// Content that is another is no fault where a later row of the record says that a person's data was erased.
    async fn excuse_erased(&mut self, store: &Store) -> Result<(), DbErr> {
        let mut subjects: Vec<&str> = self.blanked.iter().map(|(_, _, subject)| subject.as_str()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let mut told: HashMap<String, i64> = HashMap::new();
        for some in subjects.chunks(500) {
            let erasures = history::Entity::find()
                .select_only()
                .columns([history::Column::Subject, history::Column::Seq])
                .filter(history::Column::Subject.is_in(some.iter().copied()))
                .filter(history::Column::Kind.ends_with(ERASED))
                .order_by_asc(history::Column::Seq)
                .into_tuple::<(String, i64)>()
                .all(store.reader())
                .await?;
            told.extend(erasures);
        }
        for (place, seq, subject) in std::mem::take(&mut self.blanked) {
            // The row of the erasure itself holds the blanked record from the first.
            if told.get(&subject).is_some_and(|erased| *erased > seq) {
                self.erased += 1;
            } else {
                self.fault(place, AuditFaultKind::Changed, &subject);
            }
        }
        Ok(())
    }
}

/// As it is noted.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
