import {
  Button,
  Chip,
  Group,
  Input,
  NumberInput,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import { type SubmitEvent, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Layout } from '@/api/types';
import { cycleOf } from './cycle';
import { type Draft, LIMITS } from './draft';
import { DAYS } from './week';

interface Props {
  draft: Draft;
  layout: Layout;
  apply: (draft: Draft) => void;
  /** Takes the entry away; absent: it is new. */
  remove?: () => void;
}

/** An entry of the schedule. What is wrong with it the server says when the schedule is saved. */
export function EntryForm({ draft: first, layout, apply, remove }: Props) {
  const { t } = useTranslation('schedule');
  const [draft, setDraft] = useState(first);
  const [empty, setEmpty] = useState(false);
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const [days, kind] = [useId(), useId()];
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (draft.days.length === 0) setEmpty(true);
    else apply(draft);
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={t('name')}
          value={draft.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
          maxLength={100}
          required
          data-autofocus
        />
        <Input.Wrapper
          label={t('on')}
          labelElement="div"
          labelProps={{ id: days }}
          description={t('holidayHint')}
          error={empty && draft.days.length === 0 && t('noDays')}
        >
          <Chip.Group
            multiple
            value={draft.days}
            onChange={(value) => change({ days: DAYS.filter((day) => value.includes(day)) })}
          >
            <Group gap={6} mt={6} role="group" aria-labelledby={days}>
              {DAYS.map((day) => (
                <Chip key={day} value={day} size="sm">
                  {t(`short.${day}`)}
                </Chip>
              ))}
            </Group>
          </Chip.Group>
        </Input.Wrapper>
        <Group grow>
          <TextInput
            type="time"
            label={t('from')}
            value={draft.from}
            onChange={(event) => change({ from: event.currentTarget.value })}
            required
          />
          <TextInput
            type="time"
            label={t('to')}
            value={draft.to}
            onChange={(event) => change({ to: event.currentTarget.value })}
            required
          />
        </Group>
        {draft.to <= draft.from && (
          <Text size="sm" c="dimmed">
            {t('nextDay')}
          </Text>
        )}
        <Input.Wrapper label={t('what')} labelElement="div" labelProps={{ id: kind }}>
          <SegmentedControl
            fullWidth
            aria-labelledby={kind}
            value={draft.kind}
            onChange={(value) => change({ kind: value === 'plan' ? 'plan' : 'limits' })}
            data={[
              { value: 'plan', label: t('plan') },
              { value: 'limits', label: t('limits') },
            ]}
          />
        </Input.Wrapper>
        {draft.kind === 'plan' ? (
          <>
            <SimpleGrid cols={2}>
              {[...draft.greens].map(([stage, green]) => (
                <NumberInput
                  key={stage}
                  label={t('greenOf', { stage })}
                  value={green}
                  min={0}
                  max={3600}
                  onChange={(value) => change({ greens: new Map(draft.greens).set(stage, value) })}
                />
              ))}
              <NumberInput
                label={t('offset')}
                description={t('offsetHint')}
                value={draft.offset}
                min={0}
                max={3600}
                allowDecimal={false}
                onChange={(value) => change({ offset: value })}
              />
            </SimpleGrid>
            <Text size="sm">{t('cycle', { seconds: cycleOf(draft, layout) })}</Text>
          </>
        ) : (
          <>
            <Text size="sm" c="dimmed">
              {t('limitsHint')}
            </Text>
            <SimpleGrid cols={2}>
              {LIMITS.map((name) => (
                <NumberInput
                  key={name}
                  label={t(`limit.${name}`)}
                  value={draft.limits[name]}
                  min={1}
                  max={3600}
                  allowDecimal={false}
                  onChange={(value) => change({ limits: { ...draft.limits, [name]: value } })}
                />
              ))}
            </SimpleGrid>
          </>
        )}
        <Group justify="space-between">
          {remove ? (
            <Button color="red" variant="subtle" onClick={remove}>
              {t('remove')}
            </Button>
          ) : (
            <span />
          )}
          <Button type="submit">{t('apply')}</Button>
        </Group>
      </Stack>
    </form>
  );
}
