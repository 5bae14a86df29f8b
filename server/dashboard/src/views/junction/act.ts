import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query';
import { api, data } from '@/api/client';
import type { components } from '@/api/schema';
import type { ModeBody } from '@/api/types';

/** Sending a mode to a junction, and what came of it. */
export type Act = UseMutationResult<components['schemas']['ModeAnswer'], Error, ModeBody>;

/** One for each thing that somebody does: what came of one must never look like what came of another. */
export function useAct(junctionId: string): Act {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: ModeBody) =>
      data(api.PUT('/api/junctions/{junction_id}/mode', { params: { path: { junction_id: junctionId } }, body })),
    onSettled: () => client.invalidateQueries({ queryKey: ['junction', junctionId] }),
  });
}
