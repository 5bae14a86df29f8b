import { useQuery } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { Layout } from '@/api/types';
import { answerWith, Page } from '@/testing/page';
import { useAct, verdictOf } from './act';
import { junctionQueries } from './queries';

describe('what the road makes of what was sent', () => {
  const unanswered = { applied: 'unknown', reasons: [] } as const;

  it('is the answer until the plan tells more', () => {
    expect(verdictOf({ ...unanswered, reasons: [] }, null)).toMatchObject({ applied: 'unknown' });
    expect(verdictOf({ ...unanswered, reasons: [] }, { state: 'sent', reasons: [] })).toMatchObject(unanswered);
  });

  it('follows the plan', () => {
    expect(verdictOf({ applied: 'pending', reasons: [] }, { state: 'running', reasons: [] }).applied).toBe('running');
    expect(verdictOf({ applied: 'unknown', reasons: [] }, { state: 'refused', reasons: ['too long'] })).toEqual({
      applied: 'refused',
      reasons: ['too long'],
    });
  });
});

it('is told at once, although nothing else of the junction can be fetched', async () => {
  const fetched: string[] = [];
  answerWith(({ pathname }, { method }) => {
    if (method === 'PUT') return { applied: 'running', reasons: [], plan_id: 'p' };
    fetched.push(pathname);
    // The first answer comes, the next never does.
    return fetched.length === 1 ? { plan: null } : new Promise(() => undefined);
  });
  const { result } = renderHook(
    () => ({ plan: useQuery(junctionQueries.plan('j')), act: useAct({ junction_id: 'j' } as Layout) }),
    { wrapper: Page },
  );
  await waitFor(() => expect(result.current.plan.isSuccess).toBe(true));
  act(() => result.current.act.mutate({ mode: 'automatic' }));
  await waitFor(() => expect(result.current.act.data?.applied).toBe('running'));
  expect(fetched).toHaveLength(2);
});
