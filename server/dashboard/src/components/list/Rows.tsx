import { Button, Table } from '@mantine/core';
import { memo, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useKeptFocus } from '@/components/useKeptFocus';
import classes from './Rows.module.css';

/** A column of a list. */
export interface Column<R> {
  label: string;
  cell: (row: R) => ReactNode;
  /** How wide it is, such as `30%`; absent: as its content asks for. */
  width?: string;
  /** Its text stays on a line. */
  nowrap?: boolean;
  /** It has a button that says itself what it does: on a phone its name does not stand before it once more. */
  act?: boolean;
}

interface Props<R> {
  /** What the list is, for those who hear it. */
  label: string;
  rows: readonly R[];
  rowKey: (row: R) => string | number;
  columns: readonly Column<R>[];
  /** So few and narrow columns that it is read as a table on a phone as well. */
  narrow?: boolean;
  /** Short values: on a phone several of a row stand beside each other, each below its name. */
  facts?: boolean;
  /** Whoever shows it fetches it page by page: all of it is drawn. */
  paged?: boolean;
}

/** Rows that are drawn at once: each change lays all of them out anew, and nobody reads so far. */
const STEP = 50;

/** A table, and on a phone a card a row. The roles keep it a table for screen readers there as well. */
export function Rows<R>({ label, rows, rowKey, columns, narrow, facts, paged }: Props<R>) {
  const { t } = useTranslation();
  const [most, setMost] = useState(STEP);
  const shown = paged ? rows : rows.slice(0, most);
  const kept = useKeptFocus<HTMLDivElement>();
  return (
    <>
      <Table
        className={[classes.aligned, !narrow && classes.rows, facts && classes.facts].filter(Boolean).join(' ')}
        aria-label={label}
        role="table"
        verticalSpacing="xs"
      >
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            {columns.map((column) => (
              <Table.Th key={column.label} role="columnheader" w={column.width}>
                {column.label}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {shown.map((row) => (
            <Row key={rowKey(row)} row={row} columns={columns} />
          ))}
        </Table.Tbody>
      </Table>
      {!paged && rows.length > STEP && (
        // Who has come to its end by the keyboard stays there once there is no more.
        <div {...kept}>
          {shown.length < rows.length && (
            <Button fullWidth variant="subtle" onClick={() => setMost(most + STEP)}>
              {t('more')}
            </Button>
          )}
        </div>
      )}
    </>
  );
}

/** A row; drawn anew where it or the columns are others. */
const Row = memo(function Row<R>({ row, columns }: { row: R; columns: readonly Column<R>[] }) {
  return (
    <Table.Tr role="row">
      {columns.map((column) => (
        <Table.Td
          key={column.label}
          role="cell"
          data-label={column.act ? undefined : column.label}
          className={column.nowrap ? classes.nowrap : undefined}
        >
          {column.cell(row)}
        </Table.Td>
      ))}
    </Table.Tr>
  );
}) as <R>(props: { row: R; columns: readonly Column<R>[] }) => ReactNode;
