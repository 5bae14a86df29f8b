import { Button } from '@mantine/core';
import { Download } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { type Cell, csvOf, fileName, saveFile } from '@/components/files';

/** Rows as a file. */
export interface RowsFile {
  /** What it is called by: where, and what it holds. */
  names: string[];
  header: string[];
  rows: () => Cell[][];
}

/** Saves the rows of a list that are shown as a table for spreadsheets. */
export function SaveRows({ names, header, rows }: RowsFile) {
  const { t } = useTranslation();
  return (
    <Button
      variant="subtle"
      size="compact-sm"
      ml={-8}
      style={{ alignSelf: 'flex-start' }}
      leftSection={<Download size={16} aria-hidden />}
      onClick={() => saveFile(`${fileName(...names)}.csv`, csvOf(header, rows()), 'text/csv')}
    >
      {t('saveRows')}
    </Button>
  );
}
