import { type UseMutationResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import i18next from 'i18next';
import { api, data, page } from '@/api/client';
import type { components } from '@/api/schema';
import type { Layout, ModeBody } from '@/api/types';

type Answer = components['schemas']['ModeAnswer'];

/** Sending a mode to a junction, and what came of it. */
export type Act = UseMutationResult<Answer, Error, ModeBody>;

/** One for each thing that somebody does: what came of one must never look like what came of another. */
export function useAct({ junction_id: id, junction_name: name }: Layout): Act {
  const client = useQueryClient();
  return useMutation({
    mutationKey: ['mode', id],
    mutationFn: (body: ModeBody) =>
      data(api.PUT('/api/junctions/{junction_id}/mode', { params: { path: { junction_id: id } }, body })),
    meta: {
      what: (body, isKnown) =>
        i18next.t(`override.${isKnown ? 'not' : 'unknown'}.${(body as ModeBody).mode as Mode}`, {
          ns: 'junction',
          name,
        }),
      refusal: (answer) => refusalOf(answer as Answer),
    },
    // What came of it is shown at once, however long it takes to fetch everything else.
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ['junction', id] });
    },
  });
}

type Mode = 'automatic' | 'manual_override' | 'emergency';

const refusalOf = ({ applied, message, reasons }: Answer): string | null =>
  applied === 'refused' ? reasons.join('; ') || message : null;

/** What the road makes of what was sent. */
export interface Verdict {
  applied: Answer['applied'] | 'replaced' | 'expired';
  reasons: readonly string[];
}

/** Nothing more is heard of a plan after these. */
const LAST = new Set(['running', 'refused', 'replaced', 'expired']);
/** How often it is asked for, should the live feed not bring it, milliseconds. */
const AGAIN_MS = 5000;

/** What the answer said, and what the road has said since. */
export function verdictOf(
  answer: Pick<Answer, 'applied' | 'reasons'>,
  plan: { state: string; reasons: string[] } | null | undefined,
): Verdict {
  if (!plan || plan.state === 'sent') return answer;
  return { applied: plan.state as Verdict['applied'], reasons: plan.reasons };
}

/** What has become of an act; the answer of a road that took its time is followed until it comes. */
export function useVerdict(junctionId: string, act: Act): Verdict | null {
  const answer = act.data;
  const planId = answer?.plan_id;
  const { data: plan } = useQuery({
    // Below `plan`, which is out of date when a device says something.
    queryKey: ['junction', junctionId, 'plan', 'sent', planId],
    queryFn: async ({ signal }) => {
      const params = { path: { junction_id: junctionId }, query: { limit: 20 } };
      const { rows } = await page(api.GET('/api/junctions/{junction_id}/plans', { params, signal }));
      return rows.find((row) => row.plan_id === planId) ?? null;
    },
    enabled: planId != null && !LAST.has(answer?.applied ?? ''),
    refetchInterval: ({ state }) => (LAST.has(state.data?.state ?? '') ? false : AGAIN_MS),
  });
  return answer ? verdictOf(answer, plan) : null;
}
