import { Tabs } from '@mantine/core';
import { memo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Layout } from '@/api/types';
import { Section } from '@/components/Section';
import type { Format } from '@/i18n/format';
import { CountsHistory } from './CountsHistory';
import { CyclesHistory } from './CyclesHistory';
import { OverridesHistory } from './OverridesHistory';
import { PlansHistory } from './PlansHistory';

interface Props {
  layout: Layout;
  format: Format;
}

const TABS = ['counts', 'cycles', 'overrides', 'plans'] as const;

/** What happened at the junction; not drawn anew with each second of what happens. */
export const HistoryCard = memo(function HistoryCard({ layout, format }: Props) {
  const { t } = useTranslation('junction');
  const [tab, setTab] = useState<string | null>('counts');
  return (
    <Section folds title={t('history.title')}>
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List>
          {TABS.map((name) => (
            <Tabs.Tab key={name} value={name} px={{ base: 8, xs: 'md' }}>
              {t(`history.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="counts" pt="sm">
          <CountsHistory layout={layout} />
        </Tabs.Panel>
        <Tabs.Panel value="cycles" pt="sm">
          <CyclesHistory layout={layout} format={format} />
        </Tabs.Panel>
        <Tabs.Panel value="overrides" pt="sm">
          <OverridesHistory layout={layout} format={format} />
        </Tabs.Panel>
        <Tabs.Panel value="plans" pt="sm">
          <PlansHistory layout={layout} format={format} />
        </Tabs.Panel>
      </Tabs>
    </Section>
  );
});
