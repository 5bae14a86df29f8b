import { Alert, Button, Group, NumberInput, SimpleGrid, Stack, Text, Textarea } from '@mantine/core';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { CurrentPlan, Layout } from '@/api/types';
import { Dialog } from '@/components/Dialog';
import { type Field, numberOf } from '@/components/field';
import { Refusal } from '@/components/Refusal';
import { useSent } from '@/components/sent';
import { useKeptFocus } from '@/components/useKeptFocus';
import { useFormat } from '@/i18n/format';
import { useAct, useVerdict } from './act';
import { Outcome } from './Outcome';
import { Preview } from './Preview';
import { ReplacedNote } from './ReplacedNote';
import type { Replaced } from './replaces';
import { firstGreens, stagesOf } from './timeline';
import { useReason } from './useReason';

interface Props {
  opened: boolean;
  onClose: () => void;
  layout: Layout;
  current: CurrentPlan | undefined;
  /** The running plan could not be fetched. */
  failed: boolean;
  replaced: Replaced;
}

/** Greens of a manual override, with what they would cost, until when, and why. */
export function OverrideDialog({ opened, onClose, ...rest }: Props) {
  const { t } = useTranslation('junction');
  return (
    <Dialog form opened={opened} onClose={onClose} size="lg" title={t('override.dialog')}>
      <Form onClose={onClose} {...rest} />
    </Dialog>
  );
}

/** An hour, as the server has it; most people want less. */
const MINUTES = { usual: 60, most: 1440 };

function Form({ onClose, layout, current, failed, replaced }: Omit<Props, 'opened'>) {
  const act = useAct(layout);
  const verdict = useVerdict(layout.junction_id, act);
  const done = verdict !== null && verdict.applied !== 'refused';
  useSent(done);
  const { t } = useTranslation('junction');
  const format = useFormat();
  // As they are when the form can first be sent, null where no plan is known then: later plans do not change what somebody is looking at.
  const [first, setFirst] = useState<CurrentPlan | null | undefined>(current);
  if (first === undefined && (current || failed)) setFirst(current ?? null);
  const begin = firstGreens(layout, first ?? undefined);
  const [edited, setEdited] = useState<Record<string, Field>>({});
  const greens: Record<string, Field> = { ...begin.greens, ...edited };
  const fetching = first === undefined;
  // Once it is sent, what runs is this itself.
  const settled = act.isPending || done;
  const canTake =
    !settled && !fetching && begin.assumed && current !== undefined && !firstGreens(layout, current).assumed;
  const take = () => {
    setFirst(current);
    setEdited({});
  };
  const kept = useKeptFocus<HTMLDivElement>();
  const [minutes, setMinutes] = useState<Field>(MINUTES.usual);
  const why = useReason();
  const stages = stagesOf(layout, greens);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = why.take(event.currentTarget);
    const expires_in_minutes = numberOf(minutes);
    if (reason === null || stages === null || expires_in_minutes === null) return;
    act.mutate({ mode: 'manual_override', stages, expires_in_minutes, reason });
  };
  return (
    <form onSubmit={submit}>
      <Stack {...kept}>
        {!act.isPending && !done && <ReplacedNote replaced={replaced} />}
        {(fetching || begin.assumed) && (
          <Alert color={fetching ? 'blue' : 'yellow'} role="status" data-testid="first-greens">
            <Stack gap="xs" align="flex-start">
              {t(fetching ? 'override.fetching' : canTake ? 'override.stillDefaults' : 'override.defaults')}
              {canTake && (
                <Button size="compact-sm" variant="default" onClick={take}>
                  {t('override.take')}
                </Button>
              )}
            </Stack>
          </Alert>
        )}
        <SimpleGrid cols={{ base: 2, sm: Math.min(4, layout.stages.length) }}>
          {layout.stages.map(({ stage, min_green_s, max_green_s, skip }) => (
            <NumberInput
              key={stage}
              label={t('override.green', { stage })}
              description={t(skip ? 'override.limitsOrNone' : 'override.limits', {
                least: format.number(min_green_s),
                most: format.number(max_green_s),
              })}
              value={greens[stage] ?? ''}
              onChange={(value) => setEdited((before) => ({ ...before, [stage]: value }))}
              min={0}
              max={3600}
              allowDecimal={false}
              suffix={t('secondsAfter', { ns: 'common' })}
              required={!skip}
              withAsterisk={false}
            />
          ))}
        </SimpleGrid>
        {stages === null ? (
          <Text size="sm" c="dimmed">
            {t('override.incomplete')}
          </Text>
        ) : (
          <Preview junctionId={layout.junction_id} stages={stages} />
        )}
        <SimpleGrid cols={{ base: 1, sm: 2 }} style={{ alignItems: 'end' }}>
          <NumberInput
            label={t('override.minutes')}
            value={minutes}
            onChange={setMinutes}
            min={1}
            max={MINUTES.most}
            allowDecimal={false}
            suffix={t('override.minutesUnit')}
            required
          />
          <Textarea {...why.field} autosize minRows={1} />
        </SimpleGrid>
        <Refusal error={act.error} />
        <Outcome verdict={verdict} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} disabled={act.isPending}>
            {t(done ? 'close' : 'cancel', { ns: 'common' })}
          </Button>
          {!done && (
            <Button type="submit" loading={act.isPending} disabled={fetching}>
              {t('override.apply')}
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  );
}
