import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Alarm } from '@/api/types';
import { isKind } from '@/components/alarms/kinds';
import { isUrgent, openAlarms } from '@/components/alarms/open';
import { tellUrgent } from '@/components/notify';
import { titled } from '@/components/title';

/** Critical alarms that have opened since `before`; none where nothing was known before. */
export const openedSince = (before: ReadonlySet<string> | null, alarms: readonly Alarm[]): Alarm[] =>
  before === null ? [] : alarms.filter(({ alarm_id, severity }) => severity === 'critical' && !before.has(alarm_id));

/**
 * How many open alarms want somebody, in whatever view he is; it stands in the title of the browser's tab as well, and a critical one that opens
 * is told at once.
 */
export function useUrgent(): number {
  const { t } = useTranslation('alarms');
  const navigate = useNavigate();
  const { data: alarms } = useQuery(openAlarms());
  const known = useRef<ReadonlySet<string> | null>(null);
  const count = alarms?.filter(isUrgent).length ?? 0;
  useEffect(() => {
    if (!alarms) return;
    for (const { kind, junction_id, junction_name, alarm_id } of openedSince(known.current, alarms)) {
      const name = isKind(kind) ? t(`kind.${kind}`) : kind;
      const path = junction_id ? `/junctions/${junction_id}` : '/alarms';
      const title = junction_name ? `${junction_name}: ${name}` : name;
      tellUrgent(alarm_id, title, { text: t('look'), go: () => void navigate(path) });
    }
    known.current = new Set(alarms.map(({ alarm_id }) => alarm_id));
  }, [alarms, navigate, t]);
  useEffect(() => {
    titled.urgent(count);
    return () => titled.urgent(0);
  }, [count]);
  return count;
}
