import { Button, Group, MultiSelect, Stack, Switch, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { brokenOf } from '@/components/junction/broken';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import { freshKey, groupsOf, moved } from './draft';
import { type PartProps, withRow } from './parts';
import { RowTools } from './RowTools';
import { TimeInput } from './TimeInput';

/** The stages, in the order in which they are served. */
export function Stages({ draft, change, error, admin }: PartProps) {
  const { t } = useTranslation('layout');
  const kept = useKeptFocus<HTMLDivElement>();
  const { stages } = draft;
  const set = (at: number, part: Partial<(typeof stages)[number]>) =>
    change((before) => ({ ...before, stages: withRow(before.stages, at, part) }));
  const move = (at: number, by: -1 | 1) => change((before) => ({ ...before, stages: moved(before.stages, at, by) }));
  const add = () =>
    change((before) => {
      const stage = { key: freshKey(before, 'stage'), name: '', groups: [], min: 7, max: 60, skip: false };
      return { ...before, stages: [...before.stages, stage] };
    });
  return (
    <Section title={t('stages.title')} text={t('stages.text')}>
      <Stack gap="md" {...kept}>
        {stages.map((stage, at) => (
          <Group key={stage.key} gap="xs" align="flex-end" role="group" aria-label={`${t('stages.one')} ${stage.name}`}>
            <TextInput
              label={t('stages.name')}
              value={stage.name}
              maxLength={64}
              w={110}
              onChange={(event) => set(at, { name: event.currentTarget.value })}
              error={brokenOf(error, 'stage', stage.name)}
            />
            <MultiSelect
              label={t('stages.groups')}
              data={groupsOf(draft).map(({ key, name }) => ({ value: key, label: name || '?' }))}
              value={stage.groups}
              onChange={(groups) => set(at, { groups })}
              w={220}
            />
            <TimeInput
              label={t('stages.min')}
              value={stage.min}
              onChange={(min) => set(at, { min })}
              min={1}
              max={600}
              w={165}
            />
            <TimeInput
              label={t('stages.max')}
              value={stage.max}
              onChange={(max) => set(at, { max })}
              min={1}
              max={600}
              w={165}
            />
            <Switch
              label={t('stages.skip')}
              checked={stage.skip}
              onChange={(event) => set(at, { skip: event.currentTarget.checked })}
              mb={8}
            />
            {admin && (
              <RowTools
                name={stage.name}
                move={{
                  up: at > 0 ? () => move(at, -1) : null,
                  down: at < stages.length - 1 ? () => move(at, 1) : null,
                }}
                remove={() =>
                  change((before) => ({ ...before, stages: before.stages.filter(({ key }) => key !== stage.key) }))
                }
              />
            )}
          </Group>
        ))}
      </Stack>
      {admin && (
        <Group>
          <Button variant="default" onClick={add}>
            {t('stages.add')}
          </Button>
        </Group>
      )}
    </Section>
  );
}
