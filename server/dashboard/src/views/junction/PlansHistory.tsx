import { useTranslation } from 'react-i18next';
import { api, page } from '@/api/client';
import type { Plan, Layout } from '@/api/types';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { PAGE, usePages } from '@/components/list/usePages';
import { LARGEST_PAGE, type PageQuery, type SpanFile } from '@/components/list/wholeSpan';
import { DEFAULT_ZONE, type Format, useFormat } from '@/i18n/format';
import { plannedStages } from './timeline';
import { whyLang, whyOf } from './why';

const STATES = ['sent', 'pending', 'running', 'refused', 'replaced', 'expired'] as const;

/** What became of a plan; nobody waits any more for the word of a junction that has been sent a later one. */
export function stateOf(plan: Pick<Plan, 'plan_id' | 'state'>, newest: Pick<Plan, 'plan_id'> | undefined) {
  const state = STATES.find((one) => one === plan.state) ?? 'sent';
  return state === 'sent' && newest && newest.plan_id !== plan.plan_id ? 'unconfirmed' : state;
}

/** Plans that were sent, and why. */
export function PlansHistory({ layout, format }: { layout: Layout; format: Format }) {
  const { junction_id: id, junction_name, time_zone = DEFAULT_ZONE } = layout;
  const { t, i18n } = useTranslation('junction');
  const numbers = useFormat();
  const fetchPage = (query: PageQuery, signal: AbortSignal) =>
    page(api.GET('/api/junctions/{junction_id}/plans', { params: { path: { junction_id: id }, query }, signal }));
  const query = usePages(['junction', id, 'plans'], (cursor, signal) => fetchPage({ limit: PAGE, cursor }, signal));
  const greens = (plan: Plan) =>
    plannedStages(plan.stages)
      .map(({ stage, green_s }) => `${stage}\u00a0${numbers.number(green_s)}`)
      .join(' · ');
  const whyText = (plan: Plan) => (plan.explanation ? whyOf(plan.explanation, i18n.language, t, numbers) : plan.reason);
  const stateText = (plan: Plan) => t(`plan.state.${stateOf(plan, query.data?.[0])}`);
  const file: SpanFile<Plan> = {
    names: [junction_name, t('history.plans')],
    header: [
      `${t('history.at')} (${time_zone})`,
      `${t('history.length')} (s)`,
      t('plan.green'),
      t('plan.title'),
      t('history.why'),
    ],
    zone: time_zone,
    fetchPage: (span, cursor, signal) => fetchPage({ ...span, limit: LARGEST_PAGE, cursor }, signal),
    at: (plan) => plan.first_sent_at,
    row: (plan) => [
      format.stampToSecond(plan.first_sent_at),
      plan.total_cycle_time,
      plannedStages(plan.stages)
        .map(({ stage, green_s }) => `${stage} ${green_s}`)
        .join('; '),
      stateText(plan),
      whyText(plan),
    ],
  };
  const columns: Column<Plan>[] = [
    { label: t('history.at'), nowrap: true, cell: (plan) => format.moment(plan.first_sent_at) },
    {
      label: t('history.length'),
      cell: (plan) => (plan.total_cycle_time == null ? '' : numbers.seconds(plan.total_cycle_time)),
    },
    { label: t('plan.green'), cell: greens },
    {
      label: t('plan.title'),
      cell: stateText,
    },
    {
      label: t('history.why'),
      cell: (plan) => <span lang={whyLang(plan.explanation, i18n.language)}>{whyText(plan)}</span>,
    },
  ];
  return (
    <Listing
      empty={t('history.none')}
      label={t('history.plans')}
      query={query}
      rowKey={(plan) => plan.plan_id}
      columns={columns}
      file={file}
    />
  );
}
