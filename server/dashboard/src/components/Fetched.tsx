import { Skeleton } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ProblemError } from '@/api/problem';
import { AsOf } from './AsOf';
import { PageTitle } from './PageTitle';
import { Refusal } from './Refusal';
import { titleOf } from './refusalTitle';

interface Props<T> {
  query: Pick<UseQueryResult<T>, 'data' | 'error'> & { dataUpdatedAt?: number; refetch: () => unknown };
  /** Height while it is fetched, so that nothing jumps. */
  height?: number;
  /** With it comes the title of the view: where it cannot be had, why not is the title. */
  whole?: boolean;
  children: (data: T) => ReactNode;
}

/**
 * What was fetched, with its age once it cannot be fetched again; before that a place for it, or why it cannot be had. What somebody may see no
 * longer goes.
 */
export function Fetched<T>({ query, height = 160, whole = false, children }: Props<T>) {
  const { t } = useTranslation();
  const isForbidden = query.error instanceof ProblemError && query.error.status === 403;
  if (query.data !== undefined && !isForbidden)
    return (
      <>
        <AsOf query={query} />
        {children(query.data)}
      </>
    );
  if (query.error)
    return (
      <>
        {whole && <PageTitle>{titleOf(query.error, t)}</PageTitle>}
        <Refusal error={query.error} retry={() => void query.refetch()} />
      </>
    );
  return <Skeleton height={height} role="status" aria-label={t('loading')} />;
}
