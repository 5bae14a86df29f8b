import { Button, Group, Select, Stack, Switch, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { numberOf } from '@/components/field';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import { groupsOf } from './draft';
import { type PartProps, withRow } from './parts';
import { RowTools } from './RowTools';
import { TimeInput } from './TimeInput';

/** Groups that may have green together. */
export function Pairs({ draft, change, admin }: PartProps) {
  const { t } = useTranslation('layout');
  const groups = groupsOf(draft).map(({ key, name }) => ({ value: key, label: name || '?' }));
  const nameOf = (key: string) => groups.find(({ value }) => value === key)?.label ?? key;
  const kept = useKeptFocus<HTMLDivElement>();
  const { pairs } = draft;
  const set = (at: number, part: Partial<(typeof pairs)[number]>) =>
    change((before) => ({ ...before, pairs: withRow(before.pairs, at, part) }));
  const add = () =>
    change((before) => {
      const [a, b] = groupsOf(before);
      return { ...before, pairs: [...before.pairs, { a: a?.key ?? '', b: b?.key ?? '', yields: false }] };
    });
  return (
    <Section title={t('pairs.title')} text={t('pairs.text')}>
      {pairs.length === 0 && <Text size="sm">{t('pairs.none')}</Text>}
      <Stack gap="xs" {...kept}>
        {pairs.map((pair, at) => {
          const name = `${nameOf(pair.a)} – ${nameOf(pair.b)}`;
          return (
            <Group key={at} gap="xs" role="group" aria-label={name}>
              <Select
                aria-label={t('pairs.one')}
                data={groups}
                value={pair.a}
                onChange={(a) => a && set(at, { a })}
                allowDeselect={false}
                w={130}
              />
              <Select
                aria-label={t('pairs.other')}
                data={groups}
                value={pair.b}
                onChange={(b) => b && set(at, { b })}
                allowDeselect={false}
                w={130}
              />
              <Switch
                label={t('pairs.yields', { a: nameOf(pair.a) })}
                checked={pair.yields}
                onChange={(event) => set(at, { yields: event.currentTarget.checked })}
              />
              {admin && (
                <RowTools
                  name={name}
                  remove={() =>
                    change((before) => ({ ...before, pairs: before.pairs.filter((_, other) => other !== at) }))
                  }
                />
              )}
            </Group>
          );
        })}
      </Stack>
      {admin && (
        <Group>
          <Button variant="default" onClick={add}>
            {t('pairs.add')}
          </Button>
        </Group>
      )}
    </Section>
  );
}

/** Intergreens that differ from amber plus all-red. */
export function Intergreens({ draft, change, admin }: PartProps) {
  const { t } = useTranslation('layout');
  const groups = groupsOf(draft).map(({ key, name }) => ({ value: key, label: name || '?' }));
  const nameOf = (key: string) => groups.find(({ value }) => value === key)?.label ?? key;
  const kept = useKeptFocus<HTMLDivElement>();
  const { intergreens } = draft;
  const set = (at: number, part: Partial<(typeof intergreens)[number]>) =>
    change((before) => ({ ...before, intergreens: withRow(before.intergreens, at, part) }));
  const add = () =>
    change((before) => {
      const [from, to] = groupsOf(before);
      const [amber, allRed] = [numberOf(before.signal.amber_s), numberOf(before.signal.all_red_s)];
      const seconds = amber === null || allRed === null ? '' : amber + allRed;
      return {
        ...before,
        intergreens: [...before.intergreens, { from: from?.key ?? '', to: to?.key ?? '', seconds }],
      };
    });
  return (
    <Section title={t('intergreens.title')} text={t('intergreens.text')}>
      {intergreens.length === 0 && <Text size="sm">{t('intergreens.none')}</Text>}
      <Stack gap="xs" {...kept}>
        {intergreens.map((row, at) => {
          const name = `${nameOf(row.from)} → ${nameOf(row.to)}`;
          return (
            <Group key={at} gap="xs" role="group" aria-label={name}>
              <Select
                aria-label={t('intergreens.from')}
                data={groups}
                value={row.from}
                onChange={(from) => from && set(at, { from })}
                allowDeselect={false}
                w={130}
              />
              <span aria-hidden>→</span>
              <Select
                aria-label={t('intergreens.to')}
                data={groups}
                value={row.to}
                onChange={(to) => to && set(at, { to })}
                allowDeselect={false}
                w={130}
              />
              <TimeInput
                aria-label={t('intergreens.seconds')}
                value={row.seconds}
                onChange={(seconds) => set(at, { seconds })}
                min={0}
                max={30}
                step={0.5}
                suffix={t('secondsAfter', { ns: 'common' })}
                w={100}
              />
              {admin && (
                <RowTools
                  name={name}
                  remove={() =>
                    change((before) => ({
                      ...before,
                      intergreens: before.intergreens.filter((_, other) => other !== at),
                    }))
                  }
                />
              )}
            </Group>
          );
        })}
      </Stack>
      {admin && (
        <Group>
          <Button variant="default" onClick={add}>
            {t('intergreens.add')}
          </Button>
        </Group>
      )}
    </Section>
  );
}
