import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { api, data, page } from '@/api/client';
import { useZones } from '@/api/junctions';
import type { AuditEntry } from '@/api/types';
import { useUsers } from '@/api/users';
import { saveFile } from '@/components/files';
import { Choice } from '@/components/list/Choice';
import { Coded } from '@/components/list/Coded';
import { FilterRow } from '@/components/list/FilterRow';
import { JunctionSelect } from '@/components/list/JunctionSelect';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { SpanFields } from '@/components/list/SpanFields';
import { useFilters } from '@/components/list/useFilters';
import { PAGE, usePages } from '@/components/list/usePages';
import { PageTitle } from '@/components/PageTitle';
import { Refusal } from '@/components/Refusal';
import { useRowTimes } from '@/components/list/useRowTimes';
import { detailLines } from './detail';
import { FAMILIES } from './families';
import { targetOf } from './target';
import { useNames } from './useNames';

/** Who did what. */
export function Audit() {
  const { t } = useTranslation('audit');
  const users = useUsers();
  const [filters, setFilter] = useFilters(['user', 'action', 'junction', 'from', 'to']);
  const query = {
    ...(filters.user ? { user_id: filters.user } : {}),
    ...(filters.action ? { action: filters.action } : {}),
    ...(filters.junction ? { junction_id: filters.junction } : {}),
    ...(filters.from ? { from: filters.from } : {}),
    ...(filters.to ? { to: filters.to } : {}),
  };
  const lines = usePages(['audit', query], (cursor, signal) =>
    page(api.GET('/api/audit', { params: { query: { ...query, limit: PAGE, cursor } }, signal })),
  );
  const names = useNames(lines.data);
  const download = useMutation({
    mutationFn: () => data(api.GET('/api/audit/export', { params: { query }, parseAs: 'text' })),
    onSuccess: (text) => saveFile('audit.csv', text, 'text/csv'),
  });
  const times = useRowTimes(lines.data);
  const zone = useZones().of(filters.junction);
  const columns: Column<AuditEntry>[] = [
    { label: t('when', { ns: 'lists' }), nowrap: true, cell: (line) => times(line).line(line.at) },
    {
      label: t('who'),
      nowrap: true,
      cell: (line) => (
        <Stack gap={0}>
          <Text size="sm">{line.username ?? names.user(line.user_id) ?? t('nobody')}</Text>
          {line.ip_address && (
            <Text size="xs" c="dimmed">
              {line.ip_address}
            </Text>
          )}
        </Stack>
      ),
    },
    { label: t('action'), nowrap: true, cell: (line) => <Coded code={line.action} words="audit:actions" /> },
    {
      label: t('junction', { ns: 'lists' }),
      nowrap: true,
      cell: (line) => line.junction_id && names.junction(line.junction_id),
    },
    {
      label: t('target'),
      nowrap: true,
      cell: (line) => {
        const target = targetOf(line, names, t);
        return target && <span title={line.target ?? undefined}>{target}</span>;
      },
    },
    {
      label: t('detail'),
      cell: (line) => {
        const values = detailLines(line.detail, names, times(line));
        return values.length === 0 ? null : (
          <Stack gap={0}>
            {values.map((value) => (
              <Text key={value} size="xs" lineClamp={3} lang="en">
                {value}
              </Text>
            ))}
          </Stack>
        );
      },
    },
  ];
  return (
    <Stack>
      <Group justify="space-between">
        <PageTitle>{t('title')}</PageTitle>
        <Button
          variant="default"
          leftSection={<Download size={16} aria-hidden />}
          loading={download.isPending}
          onClick={() => download.mutate()}
        >
          {t('csv')}
        </Button>
      </Group>
      <Refusal error={download.error} />
      <FilterRow>
        <Choice
          label={t('user', { ns: 'lists' })}
          value={filters.user}
          onChange={(value) => setFilter('user', value)}
          options={(users.data ?? []).map((user) => ({ value: user.user_id, label: user.username }))}
        />
        <Choice
          label={t('action')}
          value={filters.action}
          onChange={(value) => setFilter('action', value)}
          options={FAMILIES.map((value) => ({ value, label: t(`families.${value}`) }))}
        />
        <JunctionSelect value={filters.junction} onChange={(value) => setFilter('junction', value)} />
        <SpanFields filters={filters} onChange={setFilter} zone={zone} />
      </FilterRow>
      <Listing query={lines} label={t('title')} empty={t('none')} rowKey={(line) => line.audit_id} columns={columns} />
    </Stack>
  );
}
