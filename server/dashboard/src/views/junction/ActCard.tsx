import { Button, Group, Text } from '@mantine/core';
import { Hand, Siren, Undo2 } from 'lucide-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useRight } from '@/api/me';
import type { CurrentPlan, Layout } from '@/api/types';
import { type Asked, Confirm } from '@/components/Confirm';
import { Fetched } from '@/components/Fetched';
import { Refusal } from '@/components/Refusal';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import type { Format } from '@/i18n/format';
import type { Mode } from '@/live/frames';
import { ActiveOverride, useOverrideFacts } from './ActiveOverride';
import { useAct, useVerdict } from './act';
import { EmergencyDialog } from './EmergencyDialog';
import { Outcome } from './Outcome';
import { OverrideDialog } from './OverrideDialog';
import { replacedBy, unexplainedText } from './replaces';

interface Props {
  layout: Layout;
  plan: UseQueryResult<CurrentPlan>;
  /** Who decides, as the junction says itself. */
  heard: Mode | undefined;
  /** Who has command of the lamps, as the junction says itself. */
  control: string | undefined;
  format: Format;
}

const LOCAL = ['panel', 'emergency_vehicle'] as const;

/** What an operator can do: an override, an emergency, and the way back. */
export function ActCard({ layout, plan, heard, control, format }: Props) {
  const { t } = useTranslation('junction');
  const id = layout.junction_id;
  const right = useRight(id);
  const mayOperate = right.data ?? false;
  const [dialog, setDialog] = useState<'override' | 'emergency' | null>(null);
  const back = useAct(layout);
  const verdict = useVerdict(id, back);
  const close = () => setDialog(null);
  const kept = useKeptFocus<HTMLDivElement>();
  const current = plan.data;
  const active = current?.override;
  // Which override ran when the way back was asked for: of one that was set later its outcome says nothing.
  const [ended, setEnded] = useState<string>();
  const goBack = () => {
    setEnded(active?.override_id);
    back.mutate({ mode: 'automatic' });
  };
  // What came of the way back is over with the next override: it does not come up again after that.
  const later = active && active.override_id !== ended && back.isSuccess;
  const { reset } = back;
  useEffect(() => {
    if (later) reset();
  }, [later, reset]);
  const failing = plan.failureCount > 0 || plan.isError || (plan.isPending && plan.errorUpdateCount > 0);
  // Nothing from here takes the junction away from who works at the cabinet, or from a vehicle that its tag announces.
  const local = LOCAL.find((who) => who === control);
  const unexplained = !active && heard !== undefined && heard !== 'automatic' ? heard : null;
  const returns = Boolean(active) || (unexplained !== null && !local) || failing;
  const told = unexplainedText(t, { current, unexplained, local });
  const [asking, setAsking] = useState(false);
  if (asking && !returns) setAsking(false);
  const facts = useOverrideFacts(active, layout.lanes, format);
  const ends = active && [active.reason, ...facts].filter(Boolean).join(' · ');
  const replaced = replacedBy(t, { current, what: ends ?? undefined, unexplained, local, failing });
  const asked: Asked = {
    title: t('override.backSure'),
    text: [
      active && t(`override.ends.${active.mode === 'emergency' ? 'emergency' : 'manual_override'}`, { what: ends }),
      !local && told,
      failing && t('override.notFetched'),
    ]
      .filter(Boolean)
      .join(' '),
    action: t('override.back'),
    // What comes of it stands in the card, where it is seen together with what the junction shows.
    run: () => {
      goBack();
      return Promise.resolve();
    },
  };
  return (
    <Section title={t('override.title')}>
      {active && <ActiveOverride override={active} lanes={layout.lanes} format={format} />}
      {unexplained && (local || !back.data) && <Text size="sm">{told}</Text>}
      {failing && mayOperate && (
        <Text size="sm" c="var(--state-bad)">
          {t('override.notFetched')}
        </Text>
      )}
      {mayOperate ? (
        <Group {...kept}>
          <Button
            variant={returns ? 'default' : 'filled'}
            leftSection={<Hand size={16} aria-hidden />}
            disabled={back.isPending}
            onClick={() => setDialog('override')}
          >
            {t('override.set')}
          </Button>
          <Button
            variant="light"
            color="red"
            leftSection={<Siren size={16} aria-hidden />}
            disabled={back.isPending}
            onClick={() => setDialog('emergency')}
          >
            {t('override.emergency')}
          </Button>
          {/* It comes by what others do: the last of the row moves no other from under the pointer. */}
          {returns && (
            <Button
              leftSection={<Undo2 size={16} aria-hidden />}
              loading={back.isPending}
              onClick={() => setAsking(true)}
            >
              {t('override.back')}
            </Button>
          )}
        </Group>
      ) : (
        <Fetched query={right} height={36}>
          {() => (
            <Text size="sm" c="dimmed">
              {t('override.observer')}
            </Text>
          )}
        </Fetched>
      )}
      <Refusal error={back.error} />
      {(!active || active.override_id === ended) && <Outcome verdict={verdict} back />}
      <OverrideDialog
        opened={dialog === 'override'}
        onClose={close}
        layout={layout}
        current={current}
        failed={failing}
        replaced={replaced}
      />
      <Confirm asked={asking ? asked : null} onClose={() => setAsking(false)} />
      <EmergencyDialog opened={dialog === 'emergency'} onClose={close} layout={layout} replaced={replaced} />
    </Section>
  );
}
