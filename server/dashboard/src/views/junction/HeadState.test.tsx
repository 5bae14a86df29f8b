import { render } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import type { SignalFrame } from '@/live/frames';
import { Page } from '@/testing/page';
import { HeadState } from './HeadState';

beforeAll(startTexts);

it.each([
  ['Automatic', {}],
  ['Override', { mode: 'manual_override' }],
  ['Emergency', { mode: 'emergency' }],
  ['Flashing', { state: 'flash' }],
  ['Dark', { state: 'dark', mode: 'manual_override' }],
  ['Own table', { plan_id: null }],
  ['Fault', { state: 'flash', faulty: true }],
] as const)('the head of a junction says %s, as the city does', (word, { ...told }) => {
  const { faulty = false, ...part } = told as Partial<SignalFrame> & { faulty?: boolean };
  const frame = { state: 'green', mode: 'automatic', plan_id: 'p', ...part } as SignalFrame;
  const { container } = render(<HeadState frame={frame} faulty={faulty} />, { wrapper: Page });
  expect(container.querySelector('[data-testid=mode]')?.textContent).toMatch(new RegExp(`${word}$`));
});
