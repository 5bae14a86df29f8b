import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { Hand, Siren, Undo2 } from 'lucide-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { clock } from '@/api/clock';
import { useRight } from '@/api/me';
import type { CurrentPlan, Layout } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { Refusal } from '@/components/Refusal';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import type { Format } from '@/i18n/format';
import type { Mode } from '@/live/frames';
import { useNow } from '@/live/hooks';
import { useAct, useVerdict } from './act';
import { EmergencyDialog } from './EmergencyDialog';
import { Outcome } from './Outcome';
import { OverrideDialog } from './OverrideDialog';

interface Props {
  layout: Layout;
  plan: UseQueryResult<CurrentPlan>;
  /** Who decides, as the junction says itself. */
  heard: Mode | undefined;
  format: Format;
}

/** What an operator can do: an override, an emergency, and the way back. */
export function ActCard({ layout, plan, heard, format }: Props) {
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
  const unexplained = !active && heard !== undefined && heard !== 'automatic' ? heard : null;
  const returns = Boolean(active) || unexplained !== null || failing;
  return (
    <Section title={t('override.title')}>
      {active && <Active override={active} format={format} />}
      {unexplained && !back.data && <Text size="sm">{t(`override.heard.${unexplained}`)}</Text>}
      {failing && mayOperate && (
        <Text size="sm" c="var(--state-bad)">
          {t('override.notFetched')}
        </Text>
      )}
      {mayOperate ? (
        <Group {...kept}>
          {returns && (
            <Button leftSection={<Undo2 size={16} aria-hidden />} loading={back.isPending} onClick={goBack}>
              {t('override.back')}
            </Button>
          )}
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
      />
      <EmergencyDialog opened={dialog === 'emergency'} onClose={close} layout={layout} />
    </Section>
  );
}

const ROAD = ['sent', 'pending', 'running', 'refused', 'replaced'] as const;

/** The override that runs: who, why, how long, and what the road says. */
function Active({ override, format }: { override: NonNullable<CurrentPlan['override']>; format: Format }) {
  const { t } = useTranslation(['junction', 'common']);
  const now = useNow();
  const left = override.expires_at ? (clock.here(override.expires_at) - now) / 1000 : null;
  const road = ROAD.find((state) => state === override.road_state) ?? 'sent';
  const mode = override.mode === 'emergency' ? 'emergency' : 'manual_override';
  return (
    <Alert
      color={mode === 'emergency' || road === 'refused' ? 'red' : 'yellow'}
      title={t(`override.active.${mode}`)}
      data-testid="active-override"
    >
      <Stack gap={4}>
        {override.reason && <Text fw={600}>{override.reason}</Text>}
        <Text size="sm">
          {[
            override.username && t('override.by', { name: override.username }),
            t('plan.from', { at: format.time(override.override_start) }),
            left !== null &&
              t('override.left', {
                age: format.age(left),
                at: format.moment(clock.here(override.expires_at ?? ''), now),
              }),
          ]
            .filter(Boolean)
            .join(' · ')}
        </Text>
        <Text size="sm" data-testid="road-state">
          {t('override.road')}: {t(`override.roadState.${road}`)}
          {override.road_reasons?.length ? <span lang="en">{` (${override.road_reasons.join('; ')})`}</span> : ''}
        </Text>
      </Stack>
    </Alert>
  );
}
