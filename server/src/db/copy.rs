//! Rows as `COPY … FROM STDIN (FORMAT binary)` takes them: the way into a table that costs PostgreSQL least.
//!
//! The format is that of "Binary Format" in the manual of COPY; each value is coded as in a statement's arguments.

use serde::Serialize;
use sqlx::encode::IsNull;
use sqlx::postgres::PgArgumentBuffer;
use sqlx::{Encode, PgConnection, Postgres};

const SIGNATURE: &[u8] = b"PGCOPY\n\xFF\r\n\0";
/// No flags, no extension of the header.
const HEADER_REST: [u8; 8] = [0; 8];
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// Rows of one table. Each begins with [`CopyRows::row`]; then come the values of its columns in order.
#[derive(Debug)]
pub(super) struct CopyRows {
    buffer: PgArgumentBuffer,
}

impl Default for CopyRows {
    fn default() -> Self {
        let mut buffer = PgArgumentBuffer::default();
        buffer.extend_from_slice(SIGNATURE);
        buffer.extend_from_slice(&HEADER_REST);
        Self { buffer }
    }
}

impl CopyRows {
    /// Begins a row of so many values.
    pub(super) fn row(&mut self, columns: i16) {
        self.buffer.extend_from_slice(&columns.to_be_bytes());
    }

    /// The next value.
    ///
    /// # Errors
    /// It is too large for PostgreSQL.
    pub(super) fn put<'q>(&mut self, value: impl Encode<'q, Postgres>) -> sqlx::Result<()> {
        self.sized(|buffer| Ok(matches!(value.encode(buffer).map_err(sqlx::Error::Encode)?, IsNull::No)))
    }

    /// The next value, of a column of type `json`.
    ///
    /// # Errors
    /// It has no form in JSON, or is too large.
    pub(super) fn put_json(&mut self, value: Option<&impl Serialize>) -> sqlx::Result<()> {
        self.sized(|buffer| {
            let Some(value) = value else { return Ok(false) };
            serde_json::to_writer(&mut **buffer, value).map_err(|error| sqlx::Error::Encode(error.into()))?;
            Ok(true)
        })
    }

    /// Writes a value by `write`, which says whether there is one, with its length before it.
    fn sized(&mut self, write: impl FnOnce(&mut PgArgumentBuffer) -> sqlx::Result<bool>) -> sqlx::Result<()> {
        let at = self.buffer.len();
        self.buffer.extend_from_slice(&NULL);
        if write(&mut self.buffer)? {
            let length = i32::try_from(self.buffer.len() - at - NULL.len())
                .map_err(|error| sqlx::Error::Encode(error.into()))?;
            self.buffer[at..at + NULL.len()].copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    /// Copies the rows into a table; `statement` ends in `FROM STDIN (FORMAT binary)`.
    ///
    /// # Errors
    /// The database refuses a row, and takes none then; or it fails.
    pub(super) async fn copy(mut self, db: &mut PgConnection, statement: &str) -> sqlx::Result<u64> {
        self.buffer.extend_from_slice(&TRAILER);
        let mut copying = db.copy_in_raw(statement).await?;
        copying.send(&self.buffer[..]).await?;
        copying.finish().await
    }
}
