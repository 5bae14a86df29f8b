import type { UseQueryResult } from '@tanstack/react-query';
import { Refusal } from './Refusal';

type Query = Pick<UseQueryResult, 'data' | 'error'> & { refetch: () => unknown };

/** Why something beside which more is shown could not be fetched, with a way to try again; nothing once it is there, or while it comes. */
export function Unfetched({ query }: { query: Query }) {
  if (query.data !== undefined || !query.error) return null;
  return <Refusal error={query.error} retry={() => void query.refetch()} />;
}
