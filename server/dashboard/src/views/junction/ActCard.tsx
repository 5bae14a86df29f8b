import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { Hand, Siren, Undo2 } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMayOperate } from '@/api/me';
import type { CurrentPlan, Layout } from '@/api/types';
import { Refusal } from '@/components/Refusal';
import { Section } from '@/components/Section';
import type { Format } from '@/i18n/format';
import { useNow } from '@/live/hooks';
import { useAct } from './act';
import { EmergencyDialog } from './EmergencyDialog';
import { Outcome } from './Outcome';
import { OverrideDialog } from './OverrideDialog';

interface Props {
  layout: Layout;
  current: CurrentPlan | undefined;
  format: Format;
}

/** What an operator can do: an override, an emergency, and the way back. */
export function ActCard({ layout, current, format }: Props) {
  const { t } = useTranslation('junction');
  const id = layout.junction_id;
  const mayOperate = useMayOperate(id);
  const [dialog, setDialog] = useState<'override' | 'emergency' | null>(null);
  const back = useAct(id);
  const open = (which: 'override' | 'emergency') => {
    back.reset();
    setDialog(which);
  };
  const close = () => setDialog(null);
  const active = current?.override;
  return (
    <Section title={t('override.title')}>
      {active && <Active override={active} format={format} />}
      {mayOperate ? (
        <Group>
          {active && (
            <Button
              leftSection={<Undo2 size={16} aria-hidden />}
              loading={back.isPending}
              onClick={() => back.mutate({ mode: 'automatic' })}
            >
              {t('override.back')}
            </Button>
          )}
          <Button
            variant={active ? 'default' : 'filled'}
            leftSection={<Hand size={16} aria-hidden />}
            disabled={back.isPending}
            onClick={() => open('override')}
          >
            {t('override.set')}
          </Button>
          <Button
            variant="light"
            color="red"
            leftSection={<Siren size={16} aria-hidden />}
            disabled={back.isPending}
            onClick={() => open('emergency')}
          >
            {t('override.emergency')}
          </Button>
        </Group>
      ) : (
        <Text size="sm" c="dimmed">
          {t('override.observer')}
        </Text>
      )}
      <Refusal error={back.error} />
      {!active && <Outcome act={back} />}
      <OverrideDialog opened={dialog === 'override'} onClose={close} layout={layout} current={current} />
      <EmergencyDialog opened={dialog === 'emergency'} onClose={close} layout={layout} />
    </Section>
  );
}

const ROAD = ['sent', 'pending', 'running', 'refused', 'replaced'] as const;

/** The override that runs: who, why, how long, and what the road says. */
function Active({ override, format }: { override: NonNullable<CurrentPlan['override']>; format: Format }) {
  const { t } = useTranslation(['junction', 'common']);
  const now = useNow();
  const left = override.expires_at ? (Date.parse(override.expires_at) - now) / 1000 : null;
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
            left !== null && t('override.left', { age: format.age(left) }),
          ]
            .filter(Boolean)
            .join(' · ')}
        </Text>
        <Text size="sm" data-testid="road-state">
          {t('override.road')}: {t(`override.roadState.${road}`)}
          {override.road_reasons?.length ? ` (${override.road_reasons.join('; ')})` : ''}
        </Text>
      </Stack>
    </Alert>
  );
}
