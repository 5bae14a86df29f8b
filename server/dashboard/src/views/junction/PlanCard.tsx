import { Badge, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Costed, CurrentPlan } from '@/api/types';
import { Fact } from '@/components/Fact';
import { Section } from '@/components/Section';
import { type Format, useFormat } from '@/i18n/format';
import { Greens } from './Greens';
import { plannedStages, stateOf } from './timeline';
import { whyLang, whyOf } from './why';

const STATES = ['sent', 'pending', 'running', 'refused', 'replaced', 'expired', 'waits'] as const;
type State = (typeof STATES)[number];
const isState = (text: string): text is State => (STATES as readonly string[]).includes(text);
const colors: Record<State, string> = {
  sent: 'gray',
  pending: 'blue',
  running: 'green',
  refused: 'red',
  replaced: 'gray',
  expired: 'gray',
  waits: 'yellow',
};

interface PlanProps {
  current: CurrentPlan;
  /** The plan that the lamps follow, as the junction tells; null: none of the server's; undefined: nobody knows. */
  runs: string | null | undefined;
  format: Format;
}

/** The plan that is meant to run and why, beside the one before. */
export function PlanCard({ current, runs, format }: PlanProps) {
  const { t } = useTranslation('junction');
  const [plan, previous] = [current.plan, current.previous].map((one) => one && { ...one, state: stateOf(one, runs) });
  const longest = Math.max(
    1,
    ...[plan, previous].flatMap((side) =>
      plannedStages(side?.stages).map((stage) => stage.max_green_s ?? stage.green_s),
    ),
  );
  return (
    <Section folds title={t('plan.title')}>
      {!plan && <Text c="dimmed">{t('plan.none')}</Text>}
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xl">
        {plan && (
          <Side
            title={plan.state === 'running' ? t('plan.running') : t('plan.meant')}
            plan={plan}
            longest={longest}
            format={format}
          />
        )}
        {previous && (
          <Side
            title={previous.state === 'running' ? t('plan.stillRuns') : t('plan.previous')}
            plan={previous}
            longest={longest}
            format={format}
          />
        )}
      </SimpleGrid>
    </Section>
  );
}

interface SideProps {
  title: string;
  plan: Costed;
  /** Longest green of both plans: they are drawn to one scale. */
  longest: number;
  format: Format;
}

function Side({ title, plan, longest, format }: SideProps) {
  const { t, i18n } = useTranslation(['junction', 'signal', 'common']);
  const numbers = useFormat();
  const state = isState(plan.state) ? plan.state : 'sent';
  const mode = plan.mode as 'automatic' | 'manual_override' | 'emergency';
  const mean = plan.predicted?.mean_s;
  return (
    <Stack gap="xs" data-testid={`plan-${state}`}>
      <Group gap="xs">
        <Title order={3} size="h5">
          {title}
        </Title>
        <Badge color={colors[state]} variant="light">
          {t(`plan.state.${state}`)}
        </Badge>
        {mode !== 'automatic' && <Badge color="yellow">{t(`signal:mode.${mode}`)}</Badge>}
      </Group>
      {plan.explanation ? (
        <Text size="sm" lang={whyLang(plan.explanation, i18n.language)}>
          {whyOf(plan.explanation, i18n.language, t, numbers)}
        </Text>
      ) : (
        plan.reason && (
          <Text size="sm" lang="en">
            {plan.reason}
          </Text>
        )
      )}
      {plan.reasons.map((reason, at) => (
        <Text key={at} size="sm" c="red" lang="en">
          {reason}
        </Text>
      ))}
      <Greens stages={plannedStages(plan.stages)} longest={longest} />
      <Group gap="4px 20px">
        {plan.total_cycle_time != null && (
          <Fact name={t('plan.cycle')} value={numbers.seconds(plan.total_cycle_time)} />
        )}
        <Fact
          name={t('plan.offset')}
          value={plan.offset_s == null ? t('plan.notCoordinated') : numbers.seconds(plan.offset_s)}
        />
        <Fact
          name={t('plan.delay')}
          value={mean == null ? t('common:notKnown') : t('plan.perVehicle', { seconds: numbers.seconds(mean, 1) })}
        />
      </Group>
      <Text size="xs" c="dimmed">
        {plan.ran_from && t('plan.from', { at: format.dateTime(plan.ran_from) })}
        {plan.ran_from && ' · '}
        {t('plan.until', { at: format.dateTime(plan.ran_until ?? plan.valid_until) })}
      </Text>
    </Stack>
  );
}
