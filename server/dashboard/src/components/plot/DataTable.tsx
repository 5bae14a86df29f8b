import { ScrollArea, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Cell } from '@/components/files';
import { useFormat } from '@/i18n/format';

interface Props {
  caption: string;
  header: string[];
  rows: Cell[][];
  /** Writes a number of a column. */
  write: (value: number, column: number) => string;
}

/** Rows beyond these are in the file. */
const MOST = 500;

/** The numbers of a picture. */
export function DataTable({ caption, header, rows, write }: Props) {
  const { t } = useTranslation('plot');
  const format = useFormat();
  const more = rows.length - MOST;
  return (
    <>
      <ScrollArea.Autosize mah={360} type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': caption }}>
        <Table striped stickyHeader captionSide="top" fz="sm">
          <Table.Thead>
            <Table.Tr>
              {header.map((name, column) => (
                <Table.Th key={column} ta={column === 0 ? 'start' : 'end'} scope="col">
                  {name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.slice(0, MOST).map((row, at) => (
              <Table.Tr key={at}>
                {row.map((cell, column) =>
                  column === 0 ? (
                    <Table.Th key={column} scope="row" fw={400} style={{ whiteSpace: 'nowrap' }}>
                      {cell}
                    </Table.Th>
                  ) : (
                    <Table.Td key={column} ta="end">
                      {typeof cell === 'number' ? write(cell, column) : (cell ?? t('unknown'))}
                    </Table.Td>
                  ),
                )}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea.Autosize>
      {more > 0 && (
        <Text size="sm" c="dimmed">
          {t('moreRows', { count: more, rows: format.number(more) })}
        </Text>
      )}
    </>
  );
}
