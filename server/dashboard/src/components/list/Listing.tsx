import { Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Fetched } from '@/components/Fetched';
import { Refusal } from '@/components/Refusal';
import { type Column, Rows } from './Rows';
import { SaveSpan } from './SaveSpan';
import type { usePages } from './usePages';
import type { SpanFile } from './wholeSpan';

interface Props<R> {
  query: ReturnType<typeof usePages<R>>;
  label: string;
  /** What is said of an empty list. */
  empty: string;
  rowKey: (row: R) => string | number;
  columns: readonly Column<R>[];
  /** How its rows become a file; absent: they are not saved. */
  file?: SpanFile<R>;
}

/** A list that comes page by page. */
export function Listing<R>({ query, label, empty, rowKey, columns, file }: Props<R>) {
  const { t } = useTranslation();
  const { data, error, dataUpdatedAt, refetch, isFetchNextPageError } = query;
  // A further page that does not come makes those that are shown no older.
  const known = { data, error: isFetchNextPageError ? null : error, dataUpdatedAt, refetch };
  return (
    <Fetched query={known}>
      {(rows) =>
        rows.length === 0 ? (
          <Text c="dimmed">{empty}</Text>
        ) : (
          <>
            <Rows paged label={label} rows={rows} rowKey={rowKey} columns={columns} />
            {isFetchNextPageError && <Refusal error={error} />}
            {(file || query.hasNextPage) && (
              <Group justify={file ? 'space-between' : 'center'} mt="xs" gap="xs">
                {file && <SaveSpan file={file} />}
                {query.hasNextPage && (
                  <Button
                    variant="default"
                    loading={query.isFetchingNextPage}
                    onClick={() => void query.fetchNextPage()}
                  >
                    {t('more')}
                  </Button>
                )}
              </Group>
            )}
          </>
        )
      }
    </Fetched>
  );
}
