import { Anchor, Code, Stack, Text, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { api, page } from '@/api/client';
import { useZones } from '@/api/junctions';
import type { DeadLetter } from '@/api/types';
import { Choice } from '@/components/list/Choice';
import { FilterRow } from '@/components/list/FilterRow';
import { JunctionSelect } from '@/components/list/JunctionSelect';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { SpanFields } from '@/components/list/SpanFields';
import { useFilters } from '@/components/list/useFilters';
import { useTyped } from '@/components/list/useTyped';
import { PAGE, usePages } from '@/components/list/usePages';
import { PageTitle } from '@/components/PageTitle';
import { useFormat } from '@/i18n/format';
import { useRowTimes } from '@/components/list/useRowTimes';

const REASONS = [
  'unknown_junction',
  'unknown_lane',
  'unknown_device',
  'ids_disagree',
  'malformed',
  'version',
  'other',
] as const;

const isReason = (name: string): name is (typeof REASONS)[number] => (REASONS as readonly string[]).includes(name);

/** Messages that could not be used, and why. */
export function DeadLetters() {
  const { t } = useTranslation('deadletters');
  const format = useFormat();
  const [filters, setFilter] = useFilters(['reason', 'junction', 'topic', 'from', 'to']);
  const topic = useTyped(filters.topic, (text) => setFilter('topic', text));
  const query = {
    limit: PAGE,
    ...(filters.reason ? { reason: filters.reason } : {}),
    ...(filters.junction ? { junction_id: filters.junction } : {}),
    ...(filters.topic ? { topic: filters.topic } : {}),
    ...(filters.from ? { from: filters.from } : {}),
    ...(filters.to ? { to: filters.to } : {}),
  };
  const letters = usePages(['deadLetters', query], (cursor, signal) =>
    page(api.GET('/api/dead-letters', { params: { query: { ...query, cursor } }, signal })),
  );
  const times = useRowTimes(letters.data);
  const zone = useZones().of(filters.junction);
  const columns: Column<DeadLetter>[] = [
    { label: t('when', { ns: 'lists' }), nowrap: true, cell: (letter) => times(letter).line(letter.received_at) },
    {
      label: t('reason'),
      cell: (letter) => (
        <Stack gap={0}>
          <Text size="sm" fw={600}>
            {isReason(letter.reason) ? t(`reasons.${letter.reason}`) : letter.reason}
          </Text>
          <Text size="xs" lang="en">
            {letter.detail}
          </Text>
          {letter.messages > 1 && (
            <Text size="xs" c="dimmed">
              {t('standsFor', { messages: format.number(letter.messages) })}
            </Text>
          )}
        </Stack>
      ),
    },
    {
      label: t('topic'),
      cell: (letter) => (
        <Stack gap={0} align="flex-start">
          <Code>{letter.topic}</Code>
          {letter.device_id && (
            <Anchor component={Link} to={`/devices/${letter.device_id}`} size="xs">
              {t('device', { ns: 'lists' })}
            </Anchor>
          )}
        </Stack>
      ),
    },
    {
      label: t('payload'),
      cell: (letter) => (
        <details>
          <summary style={{ whiteSpace: 'nowrap' }}>
            {t('bytes', { bytes: format.number(letter.payload_bytes) })}
          </summary>
          <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
            {letter.payload}
          </Code>
          {letter.payload_bytes > 500 && (
            <Text size="xs" c="dimmed">
              {t('cut')}
            </Text>
          )}
        </details>
      ),
    },
  ];
  return (
    <Stack>
      <PageTitle>{t('title')}</PageTitle>
      <Text size="sm" c="dimmed">
        {t('text')}
      </Text>
      <FilterRow>
        <Choice
          label={t('reason')}
          value={filters.reason}
          onChange={(value) => setFilter('reason', value)}
          options={REASONS.map((value) => ({ value, label: t(`reasons.${value}`) }))}
        />
        <JunctionSelect value={filters.junction} onChange={(value) => setFilter('junction', value)} />
        <TextInput
          label={t('topic')}
          placeholder="flextraff/+/+/car-counts"
          value={topic.typed}
          maxLength={1000}
          onChange={(event) => topic.type(event.currentTarget.value)}
          onBlur={() => topic.commit(topic.typed)}
          onKeyDown={(event) => event.key === 'Enter' && topic.commit(topic.typed)}
        />
        <SpanFields filters={filters} onChange={setFilter} zone={zone} />
      </FilterRow>
      <Listing
        query={letters}
        label={t('title')}
        empty={t('none')}
        rowKey={(letter) => letter.dead_letter_id}
        columns={columns}
      />
    </Stack>
  );
}
