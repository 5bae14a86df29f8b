import { Select, SimpleGrid } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Section } from '@/components/Section';
import type { SignalDraft } from './draft';
import type { PartProps } from './parts';
import { TimeInput } from './TimeInput';

const TIMES = [
  { name: 'amber_s', min: 1, max: 6, step: 0.5 },
  { name: 'all_red_s', min: 0, max: 10, step: 0.5 },
  { name: 'red_amber_s', min: 0, max: 3, step: 0.5 },
  { name: 'longest_red_s', min: 20, max: 600, step: 5 },
] as const;

/** Times for the whole junction. */
export function SignalTimes({ draft, change }: PartProps) {
  const { t } = useTranslation('layout');
  const set = (part: Partial<SignalDraft>) =>
    change((before) => ({ ...before, signal: { ...before.signal, ...part } }));
  return (
    <Section title={t('signal.title')} text={t('signal.text')}>
      <SimpleGrid cols={{ base: 2, md: 5 }} style={{ alignItems: 'end' }}>
        {TIMES.map(({ name, ...bounds }) => (
          <TimeInput
            key={name}
            label={t(`signal.${name}`)}
            value={draft.signal[name]}
            onChange={(value) => set({ [name]: value })}
            {...bounds}
          />
        ))}
        <Select
          label={t('signal.stage_order')}
          data={[
            { value: 'fixed', label: t('signal.fixed') },
            { value: 'free', label: t('signal.free') },
          ]}
          value={draft.signal.stage_order}
          onChange={(value) => value && set({ stage_order: value })}
          allowDeselect={false}
        />
      </SimpleGrid>
    </Section>
  );
}
