import { Anchor, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useDeviceNames } from '@/api/devices';
import { useJunctionNames } from '@/api/junctions';
import { useFormat } from '@/i18n/format';
import type { Conflict } from './conflict';

/** What does not fit, by its name, with the way there: beside this page, where something may be unsaved. */
export function ConflictText({ conflict }: { conflict: Conflict }) {
  return conflict.kind === 'device' ? <OfDevice {...conflict} /> : <OfJunction conflict={conflict} />;
}

function OfDevice({ device: id, part }: Extract<Conflict, { kind: 'device' }>) {
  const { t } = useTranslation();
  const name = useDeviceNames()(id) ?? id.slice(0, 8);
  const text = t(part ? 'conflict.deviceLane' : 'conflict.device', { name });
  return <Line text={text} to={`/devices/${id}`} look={t('conflict.lookAt', { name })} />;
}

function OfJunction({ conflict }: { conflict: Exclude<Conflict, { kind: 'device' }> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nameOf = useJunctionNames();
  if (conflict.kind === 'full') {
    const { junction, entries } = conflict;
    return <Line text={t('conflict.full', { name: nameOf(junction), entries: format.number(entries) })} />;
  }
  const [from, to] = [nameOf(conflict.from), nameOf(conflict.to)];
  return (
    <Line
      text={t('conflict.link', { from, to })}
      to={`/junctions/${conflict.from}/settings`}
      look={t('conflict.lookAt', { name: from })}
    />
  );
}

function Line({ text, to, look }: { text: string; to?: string; look?: string }) {
  return (
    <>
      <Text size="sm">{text}</Text>
      {to && (
        <Anchor component={Link} to={to} target="_blank" size="sm">
          {look}
        </Anchor>
      )}
    </>
  );
}
