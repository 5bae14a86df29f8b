import { fireEvent, render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import type { CurrentPlan, Layout } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { OverrideDialog } from './OverrideDialog';

beforeAll(startTexts);

const layout = {
  junction_id: 'j',
  junction_name: 'Deccan',
  stages: ['N', 'S'].map((stage) => ({ stage, min_green_s: 7, max_green_s: 60, skip: false })),
} as unknown as Layout;
const plan = (...greens: number[]) =>
  ({
    plan: { state: 'running', stages: ['N', 'S'].map((stage, at) => ({ stage, green_s: greens[at] })) },
  }) as unknown as CurrentPlan;

const dialog = (current: CurrentPlan | undefined, failed: boolean) => {
  const props = { layout, onClose: () => undefined, replaced: { text: '', isOthers: false } };
  return <OverrideDialog opened current={current} failed={failed} {...props} />;
};
const greens = () =>
  screen.getAllByLabelText<HTMLInputElement>(/^Green of stage/).map(({ value }) => parseInt(value, 10));

it('defaults stay where they are looked at, and give way to the running plan for who asks for it', () => {
  answerWith(() => undefined);
  const { rerender } = render(dialog(undefined, false), { wrapper: Page });
  const start = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Set the override' });
  expect(start().disabled).toBe(true);
  rerender(dialog(undefined, true));
  expect(screen.getByTestId('first-greens').textContent).toContain('These are defaults');
  expect(start().disabled).toBe(false);
  rerender(dialog(plan(40, 50), false));
  expect(greens()).toEqual([25, 25]);
  expect(screen.getByTestId('first-greens').textContent).toContain('still defaults');
  const take = screen.getByRole('button', { name: 'Take the greens of the running plan' });
  take.focus();
  fireEvent.click(take);
  expect(greens()).toEqual([40, 50]);
  expect(screen.queryByTestId('first-greens')).toBeNull();
  rerender(dialog(plan(10, 10), false));
  expect(greens()).toEqual([40, 50]);
});
