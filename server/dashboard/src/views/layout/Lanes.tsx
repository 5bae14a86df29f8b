import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { brokenOf } from '@/components/junction/broken';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import { freshKey, moved, removeLane } from './draft';
import { type PartProps, withRow } from './parts';
import { RowTools } from './RowTools';

const DIRECTIONS = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'] as const;

/** The lanes, in the order of their index. */
export function Lanes({ draft, change, error, admin }: PartProps) {
  const { t } = useTranslation('layout');
  const kept = useKeptFocus<HTMLDivElement>();
  const { lanes } = draft;
  const set = (at: number, part: Partial<(typeof lanes)[number]>) =>
    change((before) => ({ ...before, lanes: withRow(before.lanes, at, part) }));
  const move = (at: number, by: -1 | 1) => change((before) => ({ ...before, lanes: moved(before.lanes, at, by) }));
  const add = () =>
    change((before) => ({
      ...before,
      lanes: [...before.lanes, { key: freshKey(before, 'lane'), isNew: true, name: '', direction: null }],
    }));
  return (
    <Section title={t('lanes.title')} text={t('lanes.text')}>
      <Stack gap="xs" {...kept}>
        {lanes.map((lane, at) => (
          <Group
            key={lane.key}
            gap="xs"
            align="flex-start"
            wrap="nowrap"
            role="group"
            aria-label={`${t('lanes.one')} ${lane.name}`}
          >
            <TextInput
              aria-label={t('lanes.name')}
              value={lane.name}
              maxLength={64}
              flex="0 1 140px"
              miw={0}
              onChange={(event) => set(at, { name: event.currentTarget.value })}
              error={brokenOf(error, 'lane', lane.name)}
            />
            <Select
              aria-label={t('lanes.direction')}
              placeholder={t('lanes.direction')}
              data={DIRECTIONS.map((value) => ({ value, label: t(`direction.${value}`) }))}
              value={lane.direction}
              onChange={(direction) => set(at, { direction })}
              clearable
              flex="0 1 180px"
              miw={0}
            />
            {admin && (
              <RowTools
                name={lane.name}
                move={{
                  up: at > 0 ? () => move(at, -1) : null,
                  down: at < lanes.length - 1 ? () => move(at, 1) : null,
                }}
                remove={() => change((before) => removeLane(before, lane.key))}
              />
            )}
          </Group>
        ))}
      </Stack>
      {admin && (
        <Group>
          <Button variant="default" onClick={add}>
            {t('lanes.add')}
          </Button>
        </Group>
      )}
    </Section>
  );
}
