import { Skeleton } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { AsOf } from './AsOf';
import { Refusal } from './Refusal';

interface Props<T> {
  query: Pick<UseQueryResult<T>, 'data' | 'error'> & { dataUpdatedAt?: number; refetch: () => unknown };
  /** Height while it is fetched, so that nothing jumps. */
  height?: number;
  children: (data: T) => ReactNode;
}

/** What was fetched, with its age once it cannot be fetched again; before that a place for it, or why it cannot be had. */
export function Fetched<T>({ query, height = 160, children }: Props<T>) {
  const { t } = useTranslation();
  if (query.data !== undefined)
    return (
      <>
        <AsOf query={query} />
        {children(query.data)}
      </>
    );
  if (query.error) return <Refusal error={query.error} retry={() => void query.refetch()} />;
  return <Skeleton height={height} role="status" aria-label={t('loading')} />;
}
