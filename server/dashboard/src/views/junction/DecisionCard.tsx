import { Badge, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Fact } from '@/components/Fact';
import { type Column, Rows } from '@/components/list/Rows';
import { Section } from '@/components/Section';
import { useFormat } from '@/i18n/format';
import type { Messages } from '@/i18n/messages';
import type { Decision } from '@/live/frames';
import { useNow } from '@/live/hooks';
import { isPresent, leftOf, type Told } from './health';

const known = <K extends string>(names: Record<K, unknown>, name: string | undefined): K | null =>
  name !== undefined && Object.hasOwn(names, name) ? (name as K) : null;

const CONTROLS: Record<keyof Messages['signal']['control'], true> = {
  fault: true,
  panel: true,
  emergency_vehicle: true,
  emergency: true,
  manual_override: true,
  transit: true,
  plan: true,
  fallback: true,
  other: true,
};
/** Who lets the greens run as the plan has them, where nothing was decided. */
const PLANNED: readonly (string | null)[] = ['plan', 'fallback', 'manual_override'];
const LEVELS: Record<keyof Messages['signal']['level'], true> = {
  rolling_horizon: true,
  greedy: true,
  actuated: true,
  splits: true,
  fixed: true,
};

/** Who decides at the junction, by what method, and what was decided last. */
export function DecisionCard({ told, stage }: { told: readonly Told[]; stage: string | null | undefined }) {
  const { t } = useTranslation(['junction', 'signal', 'common']);
  const format = useFormat();
  const now = useNow();
  const deciding = told.filter(({ frame }) => frame.controller);
  const heard = deciding.find((device) => isPresent(device, now));
  const silent = heard ? undefined : deciding.find(({ at }) => at !== null);
  const controller = heard?.frame.controller;
  const control = known(CONTROLS, controller?.control);
  const level = known(LEVELS, controller?.level);
  const decision = controller?.decision;
  const left = leftOf(decision?.hold_s ?? 0, heard?.at ?? null, now);
  return (
    <Section title={t('decision.title')}>
      <Group gap="xl">
        <Fact name={t('decision.control')} value={control ? t(`signal:control.${control}`) : t('common:notKnown')} />
        {level && <Fact name={t('decision.level')} value={t(`signal:level.${level}`)} />}
      </Group>
      {silent?.at != null && (
        <Text size="sm" c="dimmed">
          {t('decision.silent', { age: format.age((now - silent.at) / 1000) })}
        </Text>
      )}
      {decision ? (
        <div data-testid="decision">
          <Text fw={600}>
            {t(`decision.${left > 0 ? '' : 'last.'}${decision.stage === stage ? 'goesOn' : 'holds'}`, {
              stage: decision.stage,
              seconds: format.seconds(left),
            })}
          </Text>
          {/* Who listens hears each decision, and not each second of it. */}
          <Text size="sm" aria-live="polite" lang="en">
            {decision.reason}
          </Text>
          <Weighed decision={decision} stage={stage} />
        </div>
      ) : (
        PLANNED.includes(control) && (
          <Text size="sm" c="dimmed">
            {t('decision.none')}
          </Text>
        )
      )}
    </Section>
  );
}

/** The course that was chosen beside the best one for every other stage, as their costs were when it was decided. */
function Weighed({ decision, stage }: { decision: Decision; stage: string | null | undefined }) {
  const { t } = useTranslation(['junction', 'common']);
  const format = useFormat();
  const { alternatives = [] } = decision;
  if (alternatives.length === 0) return null;
  const columns: Column<Omit<Decision, 'reason'>>[] = [
    {
      label: t('decision.next'),
      cell: (course) => (
        <Group gap="2px 6px">
          {/* The one that has green does not come next. */}
          {course.stage === stage ? t('decision.last.goesOn', { stage: course.stage }) : course.stage}
          {course === decision && (
            <Badge size="xs" variant="light" miw="max-content">
              {t('decision.chosen')}
            </Badge>
          )}
        </Group>
      ),
    },
    { label: t('decision.hold'), cell: ({ hold_s }) => format.seconds(hold_s) },
    {
      label: t('decision.cost'),
      cell: ({ cost }) => (cost == null ? '–' : t('decision.costUnit', { value: format.number(cost) })),
    },
  ];
  return (
    <Rows
      narrow
      label={t('decision.weighed')}
      rows={[decision, ...alternatives]}
      rowKey={({ stage, hold_s }) => `${stage} ${hold_s}`}
      columns={columns}
    />
  );
}
