import { Anchor, Badge, Box, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Alarm } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { Section } from '@/components/Section';
import { useHeldOrder } from '@/components/useHeldOrder';
import { useKeptFocus } from '@/components/useKeptFocus';
import { useRowTimes } from '@/components/list/useRowTimes';
import { type Format, useFormat } from '@/i18n/format';
import { AlarmText } from './AlarmText';
import { Acknowledge } from './Acknowledge';
import { openAlarms } from './open';
import { severityColor, worstFirst } from './severity';

/** So many are shown at once, the worst; who has more finds the others in the view of all. */
const MOST = 50;
const idOf = ({ alarm_id }: Alarm) => alarm_id;

/** What a person should look into; of one junction when given. */
export function AlarmList({ junctionId }: { junctionId?: string }) {
  const { t } = useTranslation('city');
  const format = useFormat();
  // The server has the newest first, and an old one may be the worst.
  const query = useQuery({ ...openAlarms(junctionId), select: worstFirst });
  const { ordered, around } = useHeldOrder(query.data, idOf);
  const shown = useMemo(() => ordered?.slice(0, MOST), [ordered]);
  const kept = useKeptFocus<HTMLDivElement>();
  const times = useRowTimes(shown);
  return (
    <Section title={t('alarms.title')}>
      <div {...kept} {...around}>
        <Fetched query={query} height={60}>
          {({ length }) =>
            length === 0 ? (
              <Text size="sm" c="dimmed">
                {t('alarms.none')}
              </Text>
            ) : (
              <Stack gap="xs" component="ul" p={0} m={0}>
                {shown?.map((alarm) => (
                  <Item key={alarm.alarm_id} alarm={alarm} named={junctionId === undefined} format={times(alarm)} />
                ))}
                {length > MOST && (
                  <li style={{ listStyle: 'none' }}>
                    <Anchor component={Link} to={junctionId ? `/alarms?junction=${junctionId}` : '/alarms'} size="sm">
                      {t('alarms.more', { n: format.number(length - MOST) })}
                    </Anchor>
                  </li>
                )}
              </Stack>
            )
          }
        </Fetched>
      </div>
    </Section>
  );
}

function Item({ alarm, named, format }: { alarm: Alarm; named: boolean; format: Format }) {
  const { t } = useTranslation('city');
  const kept = useKeptFocus<HTMLLIElement>();
  const severity = alarm.severity as 'info' | 'warning' | 'error' | 'critical';
  return (
    // On a phone each is several lines: a wider gap tells which of them belong together.
    <Box component="li" mb={{ base: 'md', xs: 0 }} style={{ listStyle: 'none' }} {...kept}>
      <Group justify="space-between" align="flex-start" gap="xs">
        {/* On a phone the button stands below rather than beside what it is about. */}
        <Group gap="xs" align="baseline" flex="1 1 17rem">
          <Badge color={severityColor(severity)} variant="filled" autoContrast>
            {t(`severity.${severity}`)}
          </Badge>
          {named && alarm.junction_id && (
            <Anchor component={Link} to={`/junctions/${alarm.junction_id}`} fw={600} size="sm">
              {alarm.junction_name}
            </Anchor>
          )}
          <AlarmText alarm={alarm} format={format} />
          <Text size="xs" c="dimmed">
            {t('alarms.since', { at: format.dateTime(alarm.opened_at) })}
            {alarm.acknowledged_by && ` · ${t('alarms.acknowledged', { name: alarm.acknowledged_by })}`}
          </Text>
        </Group>
        {!alarm.acknowledged_at && <Acknowledge alarm={alarm} format={format} />}
      </Group>
    </Box>
  );
}
