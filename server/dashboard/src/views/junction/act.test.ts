import { describe, expect, it } from 'vitest';
import { verdictOf } from './act';

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
