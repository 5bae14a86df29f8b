import { Button, Group, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Layout } from '@/api/types';
import { Dialog } from '@/components/Dialog';
import { type Field, numberOf } from '@/components/field';
import { Refusal } from '@/components/Refusal';
import { useSent } from '@/components/sent';
import { useAct, useVerdict } from './act';
import { Outcome } from './Outcome';
import { ReplacedNote } from './ReplacedNote';
import type { Replaced } from './replaces';
import { useReason } from './useReason';

interface Props {
  opened: boolean;
  onClose: () => void;
  layout: Layout;
  replaced: Replaced;
}

/** Minutes for which an emergency runs, as the server has them. */
const MINUTES = { usual: 5, most: 15 };

/** Green for one lane, for a vehicle in emergency. */
export function EmergencyDialog({ opened, onClose, ...rest }: Props) {
  const { t } = useTranslation('junction');
  return (
    <Dialog form opened={opened} onClose={onClose} title={t('override.emergencyDialog')}>
      <Form onClose={onClose} {...rest} />
    </Dialog>
  );
}

/** Empty each time: the lane of the last emergency is not that of the next. */
function Form({ onClose, layout, replaced }: Omit<Props, 'opened'>) {
  const { t } = useTranslation('junction');
  const act = useAct(layout);
  const verdict = useVerdict(layout.junction_id, act);
  const [lane, setLane] = useState<string | null>(null);
  const [minutes, setMinutes] = useState<Field>(MINUTES.usual);
  const why = useReason();
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = why.take(event.currentTarget);
    const expires_in_minutes = numberOf(minutes);
    if (reason === null || expires_in_minutes === null) return;
    act.mutate({ mode: 'emergency', lane_id: lane, expires_in_minutes, reason });
  };
  const done = verdict !== null && verdict.applied !== 'refused';
  useSent(done);
  return (
    <form onSubmit={submit}>
      <Stack>
        {/* Once it is sent, what runs is this itself. */}
        {!act.isPending && !done && <ReplacedNote replaced={replaced} />}
        <Text size="sm">{t('override.emergencyText')}</Text>
        <Select
          label={t('override.lane')}
          data={layout.lanes.map((entry) => ({ value: entry.lane_id, label: entry.lane_name }))}
          value={lane}
          onChange={setLane}
          required
        />
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
        <TextInput {...why.field} />
        <Refusal error={act.error} />
        <Outcome verdict={verdict} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} disabled={act.isPending}>
            {t(done ? 'close' : 'cancel', { ns: 'common' })}
          </Button>
          {!done && (
            <Button type="submit" color="red" loading={act.isPending} disabled={lane === null}>
              {t('override.start')}
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  );
}
