//! Which columns a save writes: those that changed, and no others.
//!
//! A record is read, changed by its rule, and saved. Writing every column back would move every index entry and every
//! large text again.

use sea_orm::{ActiveModelTrait, EntityTrait, Iterable, ModelTrait};

/// The columns in which `after` differs from `before`, to be set. The key is left out: it says which row.
pub fn changed<E: EntityTrait>(before: &E::Model, after: &E::Model) -> E::ActiveModel {
    let mut row = <E::ActiveModel as ActiveModelTrait>::default();
    for column in E::Column::iter() {
        let value = after.get(column);
        if before.get(column) != value {
            row.set(column, value);
        }
    }
    row
}
