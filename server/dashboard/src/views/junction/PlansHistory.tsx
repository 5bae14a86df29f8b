import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { Plan } from '@/api/types';
import type { Column } from '@/components/list/Rows';
import { type Format, useFormat } from '@/i18n/format';
import { HistoryRows } from './HistoryRows';
import { junctionQueries } from './queries';
import { plannedStages } from './timeline';
import { whyOf } from './why';

const STATES = ['sent', 'pending', 'running', 'refused', 'replaced', 'expired'] as const;

/** Plans that were sent, and why. */
export function PlansHistory({ id, format }: { id: string; format: Format }) {
  const { t, i18n } = useTranslation('junction');
  const numbers = useFormat();
  const query = useQuery(junctionQueries.plans(id));
  const greens = (plan: Plan) =>
    plannedStages(plan.stages)
      .map(({ stage, green_s }) => `${stage} ${numbers.number(green_s)}`)
      .join(' · ');
  const columns: Column<Plan>[] = [
    { label: t('history.at'), nowrap: true, cell: (plan) => format.moment(plan.first_sent_at) },
    {
      label: t('history.length'),
      cell: (plan) => (plan.total_cycle_time == null ? '' : numbers.seconds(plan.total_cycle_time)),
    },
    { label: t('plan.green'), cell: greens },
    {
      label: t('plan.title'),
      cell: (plan) => t(`plan.state.${STATES.find((state) => state === plan.state) ?? 'sent'}`),
    },
    {
      label: t('history.why'),
      cell: (plan) => (plan.explanation ? whyOf(plan.explanation, i18n.language, t, numbers) : plan.reason),
    },
  ];
  return <HistoryRows label={t('history.plans')} query={query} rowKey={(plan) => plan.plan_id} columns={columns} />;
}
