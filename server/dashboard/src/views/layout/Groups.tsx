import { Button, Group, MultiSelect, Select, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { brokenOf } from '@/components/junction/broken';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import { freshKey, NO_CROSSING, removeGroup, withOwnGroups } from './draft';
import { Crossing } from './Crossing';
import { type PartProps, withRow } from './parts';
import { RowTools } from './RowTools';

const KINDS = ['vehicle', 'arrow', 'pedestrian'] as const;

/** The signal groups: heads that always show the same. */
export function Groups({ draft, change, error, admin }: PartProps) {
  const { t } = useTranslation('layout');
  const kept = useKeptFocus<HTMLDivElement>();
  const { groups } = draft;
  const set = (at: number, part: Partial<NonNullable<typeof groups>[number]>) =>
    change((before) => ({ ...before, groups: before.groups && withRow(before.groups, at, part) }));
  const add = () =>
    change((before) => {
      const key = freshKey(before, 'group');
      const group = { key, name: '', kind: 'vehicle', lanes: [], exits: [], crossing: NO_CROSSING };
      return { ...before, groups: [...(before.groups ?? []), group] };
    });
  return (
    <Section title={t('groups.title')} text={t('groups.text')}>
      <Stack gap="md" {...kept}>
        {groups === null ? (
          <Switch
            label={t('groups.perLane')}
            checked
            onChange={() => change(withOwnGroups)}
            description={t('groups.perLaneText')}
          />
        ) : (
          <>
            {groups.map((group, at) => (
              <Group
                key={group.key}
                gap="xs"
                align="flex-end"
                role="group"
                aria-label={`${t('groups.one')} ${group.name}`}
              >
                <TextInput
                  label={t('groups.name')}
                  value={group.name}
                  maxLength={64}
                  w={130}
                  onChange={(event) => set(at, { name: event.currentTarget.value })}
                  error={brokenOf(error, 'group', group.name)}
                />
                <Select
                  label={t('groups.kind')}
                  data={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))}
                  value={group.kind}
                  onChange={(kind) => kind && set(at, { kind })}
                  allowDeselect={false}
                  w={150}
                />
                <MultiSelect
                  label={t('groups.lanes')}
                  data={draft.lanes.map(({ key, name }) => ({ value: key, label: name || '?' }))}
                  value={group.lanes}
                  onChange={(lanes) => set(at, { lanes })}
                  w={200}
                />
                <TagsInput
                  label={t('groups.exits')}
                  value={group.exits}
                  onChange={(exits) => set(at, { exits })}
                  w={160}
                />
                {group.kind === 'pedestrian' && (
                  <Crossing
                    crossing={group.crossing}
                    change={(part) => set(at, { crossing: { ...group.crossing, ...part } })}
                  />
                )}
                {admin && (
                  <RowTools name={group.name} remove={() => change((before) => removeGroup(before, group.key))} />
                )}
              </Group>
            ))}
            {admin && (
              <Group>
                <Button variant="default" onClick={add}>
                  {t('groups.add')}
                </Button>
              </Group>
            )}
          </>
        )}
      </Stack>
    </Section>
  );
}
