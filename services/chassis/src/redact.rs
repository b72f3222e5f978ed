//! History without a person: the chain of what happened when stays, the records in it are blanked (R-ACC-3).

use prost::{Message, Name};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::CaseStatement;
use sea_orm::{QueryOrder, QuerySelect};

use crate::history::{Column, Entity};
use crate::refusal::Refusal;

/// Rows of one statement.
const PAGE: u64 = 200;

/// Blanks a record as history keeps it: the type and the bytes; none where there is nothing to blank.
pub type Blank = fn(data_type: &str, data: &[u8]) -> Result<Option<Vec<u8>>, prost::DecodeError>;

/// The bytes of a message after `blank` had it, where they are of its type.
pub fn blanked<M: Message + Name + Default>(
    data_type: &str,
    data: &[u8],
    blank: impl FnOnce(&mut M),
) -> Result<Option<Vec<u8>>, prost::DecodeError> {
    if data_type != M::type_url() {
        return Ok(None);
    }
    let mut record = M::decode(data)?;
    blank(&mut record);
    Ok(Some(record.encode_to_vec()))
}

/// Blanks the records in the history of these subjects, and what their requests were answered; tells how many rows.
///
/// The answers of requests on them are records of the same type: a row that keeps one apart keeps `data_type` too. A
/// request that is sent again is from now on answered with the blanked record.
pub async fn redact(tx: &impl ConnectionTrait, subjects: &[String], blank: Blank) -> Result<u64, Refusal> {
    let (mut after, mut count) = (0, 0);
    loop {
        let rows = Entity::find()
            .filter(Column::Subject.is_in(subjects.iter().map(String::as_str)))
            .filter(Column::Seq.gt(after))
            .order_by_asc(Column::Seq)
            .limit(PAGE)
            .all(tx)
            .await?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = last.seq;
        let (mut data, mut answers) = (CaseStatement::new(), CaseStatement::new());
        let mut touched = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(fresh) = blank(&row.data_type, &row.data).map_err(Refusal::internal)? else { continue };
            let answer = match &row.answer {
                // What cannot be read as such a record is another answer, without one in it.
                Some(answer) => blank(&row.data_type, answer).ok().flatten(),
                None => None,
            };
            data = data.case(Column::Seq.eq(row.seq), Expr::val(fresh));
            answers = answers.case(Column::Seq.eq(row.seq), Expr::val(answer));
            touched.push(row.seq);
        }
        if touched.is_empty() {
            continue;
        }
        count += touched.len() as u64;
        Entity::update_many()
            .col_expr(Column::Data, data.into())
            .col_expr(Column::Answer, answers.into())
            .filter(Column::Seq.is_in(touched))
            .exec(tx)
            .await?;
    }
}
