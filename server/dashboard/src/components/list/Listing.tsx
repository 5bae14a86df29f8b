import { Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Fetched } from '@/components/Fetched';
import { Refusal } from '@/components/Refusal';
import { useHeldOrder } from '@/components/useHeldOrder';
import { useKeptFocus } from '@/components/useKeptFocus';
import { usePhone } from '@/components/usePhone';
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
  /** Its rows come and go by themselves, and have buttons: they keep their order while somebody is at one. */
  held?: boolean;
  /** How its rows become a file; absent: they are not saved. */
  file?: SpanFile<R>;
}

/** So many rows, each a card, fill some screens of a phone: who looks for the newest need not scroll past fifty of them to what is below. */
const PHONE_STEP = 10;

/** A list that comes page by page. */
export function Listing<R>({ query, label, empty, rowKey, columns, held = false, file }: Props<R>) {
  const { t } = useTranslation();
  const isPhone = usePhone();
  const [most, setMost] = useState(PHONE_STEP);
  const bottom = useKeptFocus<HTMLDivElement>();
  const list = useKeptFocus<HTMLDivElement>();
  const { data, error, dataUpdatedAt, refetch, isFetchNextPageError } = query;
  // A further page that does not come makes those that are shown no older.
  const { ordered, around } = useHeldOrder(data, rowKey);
  const known = { data: held ? ordered : data, error: isFetchNextPageError ? null : error, dataUpdatedAt, refetch };
  return (
    <Fetched query={known}>
      {(rows) => {
        const shown = isPhone ? rows.slice(0, most) : rows;
        const hasMore = shown.length < rows.length || query.hasNextPage;
        const showMore = () => {
          setMost(most + PHONE_STEP);
          if (shown.length === rows.length) void query.fetchNextPage();
        };
        return (
          <>
            {/* Who presses a button that takes its row away stays at the list. */}
            <div {...list} {...(held && around)}>
              {rows.length === 0 ? (
                <Text c="dimmed">{empty}</Text>
              ) : (
                <Rows paged label={label} rows={shown} rowKey={rowKey} columns={columns} />
              )}
            </div>
            {rows.length > 0 && (
              <>
                {isFetchNextPageError && <Refusal error={error} />}
                {/* Who has come to its end by the keyboard stays there once there is no more. */}
                <Group
                  justify={file ? 'space-between' : 'center'}
                  mt={file || hasMore ? 'xs' : undefined}
                  gap="xs"
                  {...bottom}
                >
                  {file && <SaveSpan file={file} />}
                  {hasMore && (
                    <Button variant="default" loading={query.isFetchingNextPage} onClick={showMore}>
                      {t('more')}
                    </Button>
                  )}
                </Group>
              </>
            )}
          </>
        );
      }}
    </Fetched>
  );
}
