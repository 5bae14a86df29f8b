//! Answers as CSV, line by line as they come out of the database.

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::future::Future;

/// Rows that one question to the database brings into an export.
pub(super) const CHUNK: i64 = 1000;

/// Lines, and from where to go on; `None`: they were the last.
pub(super) type Lines<K> = (Vec<Vec<String>>, Option<K>);

/// A table as it comes out of the database, in pieces of CSV.
pub(crate) type Table = BoxStream<'static, anyhow::Result<Bytes>>;

/// The lines that `fetch` gives, from `start` on; they follow a header.
pub(super) fn table<K, F, Fut>(header: Vec<String>, start: K, fetch: F) -> Table
where
    K: Send + 'static,
    F: Fn(K) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<Lines<K>>> + Send + 'static,
{
    struct Export<K, F> {
        header: Option<Vec<String>>,
        from: K,
        fetch: F,
    }
    let export = Export { header: Some(header), from: start, fetch };
    let stream = futures_util::stream::unfold(Some(export), async |export| {
        let Export { header, from, fetch } = export?;
        let chunk =
            fetch(from).await.and_then(|(lines, next)| Ok((written(header.into_iter().chain(lines))?, next)));
        Some(match chunk {
            Ok((text, next)) => (Ok(text), next.map(|from| Export { header: None, from, fetch })),
            Err(error) => (Err(error), None),
        })
    });
    // The compression asks once more after the end.
    stream.fuse().boxed()
}

/// A table as a file to download. Where it breaks off the log says why.
pub(super) fn download(file: &str, table: Table) -> Response {
    let stream = table.inspect_err(|error| {
        tracing::error!(error = format!("{error:#}"), "an export breaks off");
    });
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")),
    ];
    (headers, Body::from_stream(stream)).into_response()
}

/// Lines as CSV.
fn written(lines: impl Iterator<Item = Vec<String>>) -> anyhow::Result<Bytes> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for line in lines {
        csv.write_record(line)?;
    }
    Ok(csv.into_inner()?.into())
}

/// Text of people and programs as a cell. Spreadsheets take what begins so for a formula (OWASP, CSV injection); an apostrophe makes it text.
pub(super) fn text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// A value as a cell; empty: there is none.
pub(super) fn cell(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_quoted_and_no_cell_is_a_formula() {
        let line = vec!["7".to_owned(), text("=cmd()"), cell(None::<u8>), text("a,\"b\"\n")];
        assert_eq!(written([line].into_iter()).unwrap(), "7,'=cmd(),,\"a,\"\"b\"\"\n\"\n");
        assert!(written(std::iter::empty()).unwrap().is_empty());
    }
}
