//! What happens when a database is opened with other keys than before, or without, or for the first time with some.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, QueryResult};

use super::{Encryption, Sealing};
use crate::{
    StartError, TextKeys,
    store::sea::{
        error::SqlError,
        outbox,
        pool::Pool,
        purge::rows_removed,
        rooms::count,
        rows::optional_number,
        run::{Run, Transaction, Write},
    },
};

/// Whether texts are encrypted. The numbers are stored: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// They are not.
    Plain = 0,
    /// What is written is; what was there before is or will be.
    Sealed = 1,
    /// What is written is not; what was there before may be, and will not be.
    Opening = 2,
}

/// What a database says of its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    form: Form,
    index: i64,
    newest: u32,
    text: i64,
    /// Whether the search index is to be emptied: its terms are of another form.
    terms_stale: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    /// All texts are to be rewritten, and perhaps all terms.
    Rewrite {
        form: Form,
        terms: bool,
    },
}

/// Sees that these are the keys of the database, and begins what has to be done if they are used in another way than before.
pub(in crate::store::sea) async fn switch(writers: &Arc<Pool>, sealing: &Sealing) -> Result<(), StartError> {
    let checkout = writers.checkout().await?;
    let known = known(&checkout.run()).await?;
    drop(checkout);
    let mut terms_stale = known.terms_stale;
    if let (Step::Rewrite { form, terms }, Some(encryption)) = (known.step(sealing.0.as_ref())?, &sealing.0) {
        terms_stale |= terms;
        let write = Write::begin(writers).await?;
        let begun = async {
            begin(&write.run(), form, &encryption.keys, terms_stale).await?;
            outbox::rewrite(&write.run()).await
        };
        let begun = begun.await;
        write.end(begun).await?;
        let how = if form == Form::Sealed { "encrypted" } else { "decrypted" };
        tracing::info!("the texts that are stored are {how} in the background");
    }
    if terms_stale {
        empty_index(writers).await?;
    }
    Ok(())
}

/// Notes that no text is encrypted any more, if the last one was decrypted.
pub(super) async fn finish(run: &Transaction<'_>) -> Result<(), SqlError> {
    let sql = "UPDATE chat_meta SET sealed = ?, index_key = NULL, text_key = NULL, text_key_check = NULL WHERE sealed = ? \
         AND NOT EXISTS (SELECT 1 FROM chat_rooms WHERE sealed_seq IS NOT NULL)";
    run.execute(sql, [Form::Plain, Form::Opening].map(|form| (form as i16).into()).to_vec()).await?;
    Ok(())
}

impl Known {
    /// What is to be done so that texts are stored like this.
    fn step(&self, encryption: Option<&Encryption>) -> Result<Step, StartError> {
        let wrong = |text: &str| Err(StartError::WrongKeys(text.to_owned()));
        let Some(Encryption { keys, seals }) = encryption else {
            return if self.form == Form::Plain {
                Ok(Step::Nothing)
            } else {
                wrong("its texts are encrypted: it needs their keys")
            };
        };
        let form = if *seals { Form::Sealed } else { Form::Opening };
        let id = keys.id();
        if self.form == Form::Plain {
            return Ok(if *seals { Step::Rewrite { form, terms: true } } else { Step::Nothing });
        }
        if id.index != self.index {
            return wrong("its texts are encrypted by other keys");
        }
        if !keys.has(self.newest, self.text) {
            return wrong("the key by which its texts were encrypted last is not among these keys");
        }
        Ok(match (form == self.form, id.newest == self.newest) {
            (true, true) => Step::Nothing,
            (true, false) => Step::Rewrite { form, terms: false },
            (false, _) => Step::Rewrite { form, terms: true },
        })
    }
}

async fn known(run: &Run<'_, impl ConnectionTrait>) -> Result<Known, SqlError> {
    let sql = "SELECT sealed, index_key, text_key, text_key_check, terms_stale FROM chat_meta";
    let row = run.query_one(sql, Vec::new()).await?;
    row.as_ref().map_or_else(|| Err(SqlError::corrupt("it has no epoch")), of_row)
}

fn of_row(row: &QueryResult) -> Result<Known, SqlError> {
    let form = match row.try_get_by_index::<i16>(0)? {
        0 => Form::Plain,
        1 => Form::Sealed,
        2 => Form::Opening,
        other => return Err(SqlError::corrupt(format!("texts of the unknown form {other}"))),
    };
    let (index, text): (Option<i64>, Option<i64>) = (row.try_get_by_index(1)?, row.try_get_by_index(3)?);
    let newest = u32::try_from(optional_number(row, 2)?.unwrap_or_default());
    Ok(Known {
        form,
        index: index.unwrap_or_default(),
        newest: newest.map_err(|_| SqlError::corrupt("a key with too high a number"))?,
        text: text.unwrap_or_default(),
        terms_stale: row.try_get_by_index::<i16>(4)? != 0,
    })
}

/// From now on texts are stored in this form, and what is there is to be rewritten.
async fn begin(run: &Transaction<'_>, form: Form, keys: &TextKeys, terms: bool) -> Result<(), SqlError> {
    let id = keys.id();
    let sql = "UPDATE chat_meta SET sealed = ?, index_key = ?, text_key = ?, text_key_check = ?, terms_stale = ?";
    let newest = i64::from(id.newest);
    let values = vec![(form as i16).into(), id.index.into(), newest.into(), id.text.into(), i16::from(terms).into()];
    run.execute(sql, values).await?;
    let indexed = if terms { ", indexed_seq = first_seq - 1" } else { "" };
    let sql = format!("UPDATE chat_rooms SET sealed_seq = first_seq - 1{indexed}");
    run.execute(&sql, Vec::new()).await?;
    Ok(())
}

/// Empties the search index: it is made anew from the texts.
async fn empty_index(writers: &Arc<Pool>) -> Result<(), SqlError> {
    tracing::info!("the search index is made anew: until that is done, searches may miss messages from before");
    loop {
        let write = Write::begin(writers).await?;
        let run = write.run();
        let sql = run.dialect.delete_some("chat_terms", "block", "1 = 1");
        let done = async {
            let removed = rows_removed(&run.execute(&sql, vec![count(BLOCKS)]).await?);
            if removed < BLOCKS {
                run.execute("UPDATE chat_meta SET terms_stale = 0", Vec::new()).await?;
            }
            Ok(removed)
        };
        let done = done.await;
        if write.end(done).await? < BLOCKS {
            return Ok(());
        }
    }
}

/// How many rows of the index are removed in one transaction.
const BLOCKS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn known(form: Form, keys: &TextKeys) -> Known {
        let id = keys.id();
        Known { form, index: id.index, newest: id.newest, text: id.text, terms_stale: false }
    }

    fn step(known: Known, keys: &TextKeys, seals: bool) -> Result<Step, String> {
        known.step(Some(&Encryption { keys: keys.clone(), seals })).map_err(|error| error.to_string())
    }

    #[test]
    fn all_is_rewritten_when_the_form_changes_and_the_texts_when_the_key_does() {
        let old = TextKeys::generate().unwrap();
        let mut keys = old.clone();
        keys.rotate().unwrap();
        let all = |form| Ok(Step::Rewrite { form, terms: true });
        for (form, keys, seals, expected) in [
            (Form::Plain, &old, true, all(Form::Sealed)),
            (Form::Plain, &old, false, Ok(Step::Nothing)),
            (Form::Sealed, &old, true, Ok(Step::Nothing)),
            (Form::Sealed, &keys, true, Ok(Step::Rewrite { form: Form::Sealed, terms: false })),
            (Form::Sealed, &keys, false, all(Form::Opening)),
            (Form::Opening, &old, false, Ok(Step::Nothing)),
            (Form::Opening, &old, true, all(Form::Sealed)),
        ] {
            assert_eq!(step(known(form, &old), keys, seals), expected, "{form:?} {seals}");
        }
    }

    #[test]
    fn wrong_keys_are_refused_and_so_are_none() {
        let (keys, other) = (TextKeys::generate().unwrap(), TextKeys::generate().unwrap());
        let mut rotated = keys.clone();
        rotated.rotate().unwrap();
        rotated.retire();
        for form in [Form::Sealed, Form::Opening] {
            assert!(known(form, &keys).step(None).unwrap_err().to_string().contains("it needs their keys"));
            assert!(step(known(form, &keys), &other, true).unwrap_err().contains("by other keys"));
            assert!(step(known(form, &keys), &rotated, true).unwrap_err().contains("is not among these"));
        }
        assert_eq!(known(Form::Plain, &keys).step(None).unwrap(), Step::Nothing);
    }
}
