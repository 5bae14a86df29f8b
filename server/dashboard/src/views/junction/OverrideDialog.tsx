import { Button, Group, NumberInput, SimpleGrid, Stack, Textarea } from '@mantine/core';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { CurrentPlan, Layout } from '@/api/types';
import { Dialog } from '@/components/Dialog';
import { Refusal } from '@/components/Refusal';
import { useFormat } from '@/i18n/format';
import { useAct } from './act';
import { Outcome } from './Outcome';
import { Preview } from './Preview';
import { plannedStages } from './timeline';

interface Props {
  opened: boolean;
  onClose: () => void;
  layout: Layout;
  current: CurrentPlan | undefined;
}

/** Greens of a manual override, with what they would cost, until when, and why. */
export function OverrideDialog({ opened, onClose, ...rest }: Props) {
  const { t } = useTranslation('junction');
  return (
    <Dialog opened={opened} onClose={onClose} size="lg" title={t('override.dialog')}>
      {/* Anew once it is known what runs: its greens are where a person begins. */}
      <Form key={rest.current ? 'known' : 'unknown'} onClose={onClose} {...rest} />
    </Dialog>
  );
}

/** An hour, as the server has it; most people want less. */
const MINUTES = { usual: 60, most: 1440 };

/** What the junction runs now is where a person begins to change. */
function firstGreens(layout: Layout, current: CurrentPlan | undefined): Record<string, number> {
  const plan = [current?.plan, current?.previous].find((candidate) => candidate?.state === 'running') ?? current?.plan;
  const planned = new Map(plannedStages(plan?.stages).map((stage) => [stage.stage, stage.green_s]));
  return Object.fromEntries(
    layout.stages.map(({ stage, min_green_s, max_green_s }) => {
      const green = Math.round(planned.get(stage) ?? 25);
      return [stage, Math.min(max_green_s, Math.max(min_green_s, green))];
    }),
  );
}

function Form({ onClose, layout, current }: Omit<Props, 'opened'>) {
  const act = useAct(layout.junction_id);
  const { t } = useTranslation('junction');
  const format = useFormat();
  const [greens, setGreens] = useState(() => firstGreens(layout, current));
  const [minutes, setMinutes] = useState(MINUTES.usual);
  const [reason, setReason] = useState('');
  const stages = layout.stages.map(({ stage }) => ({ stage, green_s: greens[stage] ?? 0 }));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    act.mutate({ mode: 'manual_override', stages, expires_in_minutes: minutes, reason: reason.trim() });
  };
  const done = act.data !== undefined && act.data.applied !== 'refused';
  return (
    <form onSubmit={submit}>
      <Stack>
        <SimpleGrid cols={{ base: 2, sm: Math.min(4, layout.stages.length) }}>
          {layout.stages.map(({ stage, min_green_s, max_green_s }) => (
            <NumberInput
              key={stage}
              label={t('override.green', { stage })}
              description={t('override.limits', {
                least: format.number(min_green_s),
                most: format.number(max_green_s),
              })}
              value={greens[stage] ?? 0}
              onChange={(value) => setGreens((before) => ({ ...before, [stage]: Number(value) }))}
              min={0}
              max={3600}
              allowDecimal={false}
              suffix={` ${t('unit.s', { ns: 'common', value: '' }).trim()}`}
              required
              withAsterisk={false}
            />
          ))}
        </SimpleGrid>
        <Preview junctionId={layout.junction_id} stages={stages} />
        <SimpleGrid cols={{ base: 1, sm: 2 }} style={{ alignItems: 'end' }}>
          <NumberInput
            label={t('override.minutes')}
            value={minutes}
            onChange={(value) => setMinutes(Number(value))}
            min={1}
            max={MINUTES.most}
            allowDecimal={false}
            suffix={t('override.minutesUnit')}
            required
          />
          <Textarea
            label={t('override.reason')}
            description={t('override.reasonHint')}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            maxLength={1000}
            autosize
            minRows={1}
            required
          />
        </SimpleGrid>
        <Refusal error={act.error} />
        <Outcome act={act} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} disabled={act.isPending}>
            {t(done ? 'close' : 'cancel', { ns: 'common' })}
          </Button>
          {!done && (
            <Button type="submit" loading={act.isPending}>
              {t('override.apply')}
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  );
}
