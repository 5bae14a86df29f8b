/** A cell of a table. */
export type Cell = string | number | null | undefined;

/** Text that a spreadsheet would take for a formula is marked as text, as in the server's own exports. */
function quoted(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell === 'number') return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A table as CSV (RFC 4180). */
export const csvOf = (header: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [header, ...rows].map((row) => row.map(quoted).join(',') + '\r\n').join('');

/** A name that every file system takes. */
export const fileName = (...parts: string[]): string =>
  parts
    .map((part) => part.trim().replace(/[^\p{L}\p{M}\p{N}.-]+/gu, '-'))
    .filter(Boolean)
    .join('_')
    .slice(0, 120);

/** By this mark spreadsheets know that a table is written in UTF-8, and do not garble all but English. */
const MARK = '\ufeff';

/** A file of a type, whoever has written what stands in it. */
export const fileOf = (content: Blob | string, type: string): Blob =>
  new Blob(type === 'text/csv' ? [MARK, content] : [content], { type: `${type};charset=utf-8` });

/** Hands a file to the browser; a picture knows its type. */
export function saveFile(name: string, content: Blob | string, type?: string): void {
  const blob = type === undefined && content instanceof Blob ? content : fileOf(content, type ?? 'text/plain');
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  // The browser reads the file after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
