import type { TFunction } from 'i18next';
import type { components } from '@/api/schema';
import type { Format } from '@/i18n/format';

export type Explanation = components['schemas']['Explanation'];
type Translate = TFunction<'junction'>;

/** Whether a plan is explained in the language that is shown, rather than in the server's English. */
const isTranslated = ({ method }: Explanation, language: string): boolean =>
  language !== 'en' && (method === 'webster' || method === 'schedule');

/** What a reader is told of the language of {@link whyOf}, or of a reason that the server gives without an explanation. */
export const whyLang = (explanation: Explanation | null | undefined, language: string): 'en' | undefined =>
  explanation && isTranslated(explanation, language) ? undefined : 'en';

/** Why a plan is as it is: in English as the server says it, in other languages by the numbers that decided it. */
export function whyOf(explanation: Explanation, language: string, t: Translate, format: Format): string {
  const { method, sentence, cycle_s, webster_cycle_s, cycle_bound, flow_ratio_sum, lanes, schedule } = explanation;
  if (!isTranslated(explanation, language)) return sentence;
  const cycle = format.seconds(cycle_s);
  const ratio = format.number(flow_ratio_sum, 2);
  if (method === 'schedule') return t('why.fixed', { entry: schedule ?? '', cycle });
  const parts: string[] = [];
  if (lanes.every(({ flow_veh_h }) => flow_veh_h == null)) {
    parts.push(t('why.base', { cycle }));
  } else {
    if (webster_cycle_s == null) parts.push(t('why.over', { ratio, cycle }));
    else if (cycle_bound == null) parts.push(t('why.webster', { ratio, cycle }));
    else
      parts.push(
        t('why.bound', { webster: format.seconds(webster_cycle_s), bound: t(`why.limit.${cycle_bound}`), cycle }),
      );
    // Of stages with as much green the last one, as the server chooses it.
    const [most] = [...explanation.stages].reverse().sort((a, b) => b.green_s - a.green_s);
    if (most) {
      const what = { stage: most.stage, green: format.seconds(most.green_s) };
      parts.push(
        most.critical_lane == null ? t('why.most', what) : t('why.mostFor', { ...what, lane: most.critical_lane }),
      );
    }
  }
  if (schedule != null) parts.push(t('why.limited', { entry: schedule }));
  return parts.join(' ');
}
