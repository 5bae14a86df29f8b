import type { Mutation, QueryClient } from '@tanstack/react-query';
import i18next from 'i18next';
import { sentenceOf, Unanswered } from '@/api/problem';
import { tellFailed } from '@/components/notify';
import type { Frame } from '@/live/frames';

declare module '@tanstack/react-query' {
  interface Register {
    mutationMeta: {
      /** That it was not done, or that nobody knows whether it was, in the language that is shown. */
      what?: (variables: unknown, isKnown: boolean) => string;
      /** Why nothing comes of it although the server took it. */
      refusal?: (answer: unknown) => string | null;
    };
  }
}

/** Tells somebody who has left the view before an answer came, why it is a refusal. Hands back what is to hear the live feed. */
export function tellRefusals(client: QueryClient): (frame: Frame) => void {
  const viewers = new Map<Mutation, number>();
  const tell = (mutation: Mutation, reason: string, isKnown = true) =>
    tellFailed(mutation.meta?.what?.(mutation.state.variables, isKnown) ?? i18next.t('wentWrong'), reason);
  client.getMutationCache().subscribe((event) => {
    const mutation = event.mutation as Mutation | undefined;
    if (!mutation) return;
    const seen = viewers.get(mutation) ?? 0;
    if (event.type === 'observerAdded') viewers.set(mutation, seen + 1);
    if (event.type === 'observerRemoved') viewers.set(mutation, seen - 1);
    if (event.type === 'removed') viewers.delete(mutation);
    if (event.type !== 'updated' || seen > 0) return;
    const { error } = mutation.state;
    if (event.action.type === 'error') tell(mutation, sentenceOf(error), !(error instanceof Unanswered));
    if (event.action.type !== 'success') return;
    const reason = mutation.meta?.refusal?.(mutation.state.data);
    if (reason) tell(mutation, reason);
  });
  return (frame) => {
    if (frame.type !== 'override' || frame.end_reason !== 'refused') return;
    // What the road refuses after the answer has come is known by the name of its plan.
    const sent = client
      .getMutationCache()
      .findAll({ mutationKey: ['mode', frame.junction_id], status: 'success' })
      .find(({ state }) => (state.data as { plan_id?: string | null }).plan_id === frame.override_id);
    // A refusal that the answer brought is told already.
    if (sent && !viewers.get(sent) && !sent.meta?.refusal?.(sent.state.data))
      tell(sent, frame.road_reasons?.join('; ') ?? '');
  };
}
