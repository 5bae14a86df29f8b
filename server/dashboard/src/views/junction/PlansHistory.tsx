import { useTranslation } from 'react-i18next';
import { api, page } from '@/api/client';
import type { Plan } from '@/api/types';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { PAGE, usePages } from '@/components/list/usePages';
import { type Format, useFormat } from '@/i18n/format';
import { plannedStages } from './timeline';
import { whyOf } from './why';

const STATES = ['sent', 'pending', 'running', 'refused', 'replaced', 'expired'] as const;

/** What became of a plan; nobody waits any more for the word of a junction that has been sent a later one. */
export function stateOf(plan: Pick<Plan, 'plan_id' | 'state'>, newest: Pick<Plan, 'plan_id'> | undefined) {
  const state = STATES.find((one) => one === plan.state) ?? 'sent';
  return state === 'sent' && newest && newest.plan_id !== plan.plan_id ? 'unconfirmed' : state;
}

/** Plans that were sent, and why. */
export function PlansHistory({ id, format }: { id: string; format: Format }) {
  const { t, i18n } = useTranslation('junction');
  const numbers = useFormat();
  const query = usePages(['junction', id, 'plans'], (cursor, signal) => {
    const params = { path: { junction_id: id }, query: { limit: PAGE, cursor } };
    return page(api.GET('/api/junctions/{junction_id}/plans', { params, signal }));
  });
  const greens = (plan: Plan) =>
    plannedStages(plan.stages)
      .map(({ stage, green_s }) => `${stage}\u00a0${numbers.number(green_s)}`)
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
      cell: (plan) => t(`plan.state.${stateOf(plan, query.data?.[0])}`),
    },
    {
      label: t('history.why'),
      cell: (plan) => (plan.explanation ? whyOf(plan.explanation, i18n.language, t, numbers) : plan.reason),
    },
  ];
  return (
    <Listing
      empty={t('history.none')}
      label={t('history.plans')}
      query={query}
      rowKey={(plan) => plan.plan_id}
      columns={columns}
    />
  );
}
