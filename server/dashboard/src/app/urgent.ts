import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { isKind } from '@/components/alarms/kinds';
import { isUrgent, openAlarms, URGENT_PATH } from '@/components/alarms/open';
import { UrgentNotes } from '@/components/notify';
import { titled } from '@/components/title';
import { MANY, Notices } from './notices';

/**
 * How many open alarms want somebody, in whatever view he is; it stands in the title of the browser's tab as well, and a critical one that opens
 * is told at once, until it is over or somebody takes notice.
 */
export function useUrgent(): number {
  const { t } = useTranslation('alarms');
  const navigate = useNavigate();
  const { data: alarms } = useQuery(openAlarms());
  const notices = useRef(new Notices());
  const notes = useRef<UrgentNotes>(null);
  const count = alarms?.filter(isUrgent).length ?? 0;
  useEffect(() => {
    if (!alarms) return;
    notes.current ??= new UrgentNotes((id) => notices.current.closed(id));
    const wanted = [...notices.current.look(alarms)].map(([id, about]) => {
      const [{ kind, junction_id, junction_name } = {}] = about;
      const name = isKind(kind ?? null) ? t(`kind.${kind as 'disk'}`) : (kind ?? '');
      const one = junction_name ? `${junction_name}: ${name}` : name;
      const path = id === MANY ? URGENT_PATH : junction_id ? `/junctions/${junction_id}` : '/alarms';
      const title = id === MANY ? t('many', { count: about.length, n: about.length }) : one;
      return { id, title, look: { text: t('look'), go: () => void navigate(path) } };
    });
    notes.current.show(wanted);
  }, [alarms, navigate, t]);
  // Who signs out leaves none to the next one.
  useEffect(() => () => notes.current?.show([]), []);
  useEffect(() => {
    titled.urgent(count);
    return () => titled.urgent(0);
  }, [count]);
  return count;
}
