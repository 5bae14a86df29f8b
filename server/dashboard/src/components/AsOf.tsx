import { Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useParams, useSearchParams } from 'react-router';
import { clock } from '@/api/clock';
import { useZones } from '@/api/junctions';
import { useFormat } from '@/i18n/format';
import { useNow } from '@/live/hooks';
import { Said } from './Said';

/** What is needed to say how old something is that was fetched; without a time nothing is said of it. */
export type Aged = Pick<UseQueryResult, 'data' | 'error'> & { dataUpdatedAt?: number };

/** How old what is shown is, and why it could not be fetched again; nothing while it could. */
export function AsOf({ query }: { query: Aged }) {
  if (query.data === undefined || !query.error || !query.dataUpdatedAt) return null;
  return <Line at={query.dataUpdatedAt} error={query.error} />;
}

function Line({ at, error }: { at: number; error: Error }) {
  const { t } = useTranslation();
  // On a page of a junction the address names it.
  const { junctionId } = useParams();
  const [chosen] = useSearchParams();
  const format = useFormat(useZones().of(junctionId ?? chosen.get('junction')));
  const now = useNow();
  const age = format.age((now - at) / 1000);
  const ahead = clock.aheadMs();
  return (
    <Text size="sm" c="var(--state-bad)" data-testid="as-of">
      {t('asOf', { at: format.moment(at - ahead, now - ahead), age })}{' '}
      {/* Who listens hears why once, and not each second of it. */}
      <span role="status">
        <Said error={error} />
      </span>
    </Text>
  );
}
