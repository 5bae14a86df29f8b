import { Table } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Rows.module.css';

/** A column of a list. */
export interface Column<R> {
  label: string;
  cell: (row: R) => ReactNode;
  /** How wide it is, such as `30%`; absent: as its content asks for. */
  width?: string;
  /** Its text stays on a line. */
  nowrap?: boolean;
}

interface Props<R> {
  /** What the list is, for those who hear it. */
  label: string;
  rows: readonly R[];
  rowKey: (row: R) => string | number;
  columns: readonly Column<R>[];
  /** So few and narrow columns that it is read as a table on a phone as well. */
  narrow?: boolean;
}

/** A table, and on a phone a card a row. The roles keep it a table for screen readers there as well. */
export function Rows<R>({ label, rows, rowKey, columns, narrow }: Props<R>) {
  return (
    <Table
      className={narrow ? classes.aligned : `${classes.aligned} ${classes.rows}`}
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
        {rows.map((row) => (
          <Table.Tr key={rowKey(row)} role="row">
            {columns.map((column) => (
              <Table.Td
                key={column.label}
                role="cell"
                data-label={column.label}
                className={column.nowrap ? classes.nowrap : undefined}
              >
                {column.cell(row)}
              </Table.Td>
            ))}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
