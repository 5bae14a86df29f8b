import { Alert, Select, Stack, Tabs } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useJunctions, useLayout } from '@/api/junctions';
import type { Layout } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { PageTitle } from '@/components/PageTitle';
import { DEFAULT_ZONE } from '@/i18n/format';
import { Compared } from './Compared';
import { Days } from './Days';
import { Ends } from './Ends';
import { Peaks } from './Peaks';
import { placeOf } from './place';
import { Queues } from './Queues';
import { Splits } from './Splits';
import { useChoice } from './useChoice';
import { useToday } from './useToday';
import { Volumes } from './Volumes';

const PARTS = {
  volumes: Volumes,
  compared: Compared,
  peaks: Peaks,
  splits: Splits,
  ends: Ends,
  queues: Queues,
  days: Days,
};
type Part = keyof typeof PARTS;
const isPart = (text: string | null): text is Part => text !== null && Object.hasOwn(PARTS, text);

/** What months of counts and cycles come to, junction by junction. */
export function Analysis() {
  const { t } = useTranslation('analysis');
  const junctions = useJunctions();
  const { get, set } = useChoice();
  return (
    <Stack>
      <PageTitle>{t('title')}</PageTitle>
      <Fetched query={junctions}>
        {(list) => {
          const chosen = list.find(({ junction_id }) => junction_id === get('junction')) ?? list[0];
          if (!chosen) return <Alert>{t('noJunction')}</Alert>;
          return (
            <>
              <Select
                label={t('junction')}
                value={chosen.junction_id}
                onChange={(value) => set({ junction: value, lane: null })}
                data={list.map(({ junction_id, junction_name }) => ({ value: junction_id, label: junction_name }))}
                searchable
                limit={100}
                allowDeselect={false}
                maw={360}
              />
              <Parts key={chosen.junction_id} id={chosen.junction_id} />
            </>
          );
        }}
      </Fetched>
    </Stack>
  );
}

function Parts({ id }: { id: string }) {
  const layout = useLayout(id);
  return (
    <Fetched query={layout} height={400}>
      {(entry) => <OfPlace layout={entry} />}
    </Fetched>
  );
}

function OfPlace({ layout }: { layout: Layout }) {
  const { t } = useTranslation('analysis');
  const { get, set } = useChoice();
  const zone = layout.time_zone ?? DEFAULT_ZONE;
  const day = useToday(zone);
  const place = useMemo(() => placeOf(layout, zone, day), [layout, zone, day]);
  const chosen = get('part');
  const part: Part = isPart(chosen) ? chosen : 'volumes';
  const choose = (value: string | null) => set({ part: value, from: null, to: null, bucket: null });
  return (
    <Tabs value={part} onChange={choose} keepMounted={false}>
      <Select
        hiddenFrom="sm"
        label={t('partLabel')}
        value={part}
        onChange={choose}
        data={(Object.keys(PARTS) as Part[]).map((name) => ({ value: name, label: t(`part.${name}`) }))}
        allowDeselect={false}
        mb="md"
      />
      <Tabs.List mb="md" visibleFrom="sm">
        {(Object.keys(PARTS) as Part[]).map((name) => (
          <Tabs.Tab key={name} value={name}>
            {t(`part.${name}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {Object.entries(PARTS).map(([name, Page]) => (
        <Tabs.Panel key={name} value={name}>
          <Page place={place} />
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
