import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { useState } from 'react';
import { beforeAll, expect, it } from 'vitest';
import type { Layout } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { draftOf } from '@/views/layout/draft';
import { Lanes } from '@/views/layout/Lanes';
import { RoleControl } from '@/views/person/RoleControl';
import { Holidays } from '@/views/schedule/Holidays';
import { Links } from '@/views/setup/Links';

beforeAll(startTexts);

const press = (button: HTMLElement) => {
  button.focus();
  fireEvent.click(button);
};
const layout = {
  junction_id: 'j',
  junction_name: 'j',
  lanes: ['n', 's'].map((name, lane_index) => ({ lane_id: name, lane_name: name, lane_index })),
  stages: [],
} as unknown as Layout;

function Year() {
  const [holidays, change] = useState([{ date: '2026-08-15', name: 'Independence Day' }]);
  return <Holidays label="Holidays" holidays={holidays} change={change} />;
}

function Road() {
  const [draft, change] = useState(() => draftOf(layout));
  return <Lanes draft={draft} change={change} error={null} admin />;
}

it.each([
  ['holidays', 'Remove: Independence Day', <Year key="a" />],
  ['lanes', 'Remove: n', <Road key="b" />],
])('who removes one of the %s by the keyboard stays at the list', (_what, name, shown) => {
  render(shown, { wrapper: Page });
  const around = screen.getByLabelText(name).closest('[tabindex="-1"]');
  press(screen.getByLabelText(name));
  expect(screen.queryByLabelText(name)).toBeNull();
  expect(document.activeElement).not.toBe(document.body);
  expect(document.activeElement).toBe(around);
});

it('who removes a link by the keyboard stays at the list', async () => {
  let links = [{ from_junction: 'j', to_junction: 'k', from_lanes: [], to_lanes: [], distance_m: 9, free_flow_s: 9 }];
  answerWith(({ pathname }, { method }) => {
    if (method === 'DELETE') links = [];
    return pathname === '/api/links' ? links : [];
  });
  render(<Links layout={layout} admin />, { wrapper: Page });
  const wait = { timeout: 10_000 };
  press(await screen.findByLabelText(/^Remove.*j → k/, {}, wait));
  const buttons = await screen.findAllByText(/^Remove the link/, { selector: 'button *' }, wait);
  press(buttons.at(-1)?.closest('button') as HTMLElement);
  await waitFor(() => expect(screen.queryByLabelText(/^Remove.*j → k/)).toBeNull(), wait);
  await waitFor(() => expect(document.activeElement).not.toBe(document.body), wait);
  expect(document.activeElement?.textContent).toBe('There is no link.');
});

it('who gives a role by the keyboard stays at it while it is sent', async () => {
  let asked = 0;
  answerWith(() => {
    asked += 1;
    return new Promise(() => undefined);
  });
  render(<RoleControl userId="u" junctionId="j" label="Role" role="none" />, { wrapper: Page });
  const observer = screen.getByLabelText<HTMLInputElement>('Observer');
  press(observer);
  await waitFor(() => expect(asked).toBe(1));
  expect(observer.disabled).toBe(false);
  expect(document.activeElement).toBe(observer);
  fireEvent.click(screen.getByLabelText('Operator'));
  expect(asked).toBe(1);
});
