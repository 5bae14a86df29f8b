import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import type { StatusFrame } from '@/live/frames';
import { Page } from '@/testing/page';
import { DecisionCard } from './DecisionCard';

beforeAll(startTexts);

it('the stage that has green goes on, where another one would come next', () => {
  const decision = {
    stage: 'NS',
    hold_s: 6,
    reason: 'NS still serves vehicles',
    cost: 310,
    alternatives: [{ stage: 'EW', hold_s: 0, cost: 420 }],
  };
  const controller = { state: 'green', mode: 'automatic', fault: null, control: 'plan', level: 'greedy', decision };
  const frame = { online: true, controller } as unknown as StatusFrame;
  render(<DecisionCard told={[{ deviceId: 'd', frame, at: Date.now() }]} stage="NS" />, { wrapper: Page });
  const rows = screen.getAllByRole('row').map((row) => row.firstElementChild?.textContent);
  expect(rows).toEqual(['Next stage', 'Stage NS goes onchosen', 'EW']);
});
