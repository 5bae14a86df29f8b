import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import i18next from 'i18next';
import { beforeAll, expect, it } from 'vitest';
import type { Alarm } from '@/api/types';
import { toldOf } from '@/components/alarms/sentence';
import { DataTable } from '@/components/plot/DataTable';
import { Notes } from '@/components/Notes';
import { answerWith, Page } from '@/testing/page';
import { CityFile } from '@/views/junctions/CityFile';
import { startTexts } from '.';
import { Format } from './format';

beforeAll(startTexts);

it('one row is one row', () => {
  const rows = (count: number) => i18next.t('rows', { ns: 'devices', count, rows: String(count) });
  expect([rows(1), rows(2)]).toEqual(['1 row', '2 rows']);
  const full = (count: number) => i18next.t('outboxFull', { ns: 'devices', count, rows: String(count), age: '5 s' });
  expect([full(1), full(2)]).toEqual(['1 row, 5 s old', '2 rows, the oldest 5 s old']);
  const many = (count: number) => i18next.t('many', { ns: 'alarms', count, n: count });
  expect([many(1), many(4)]).toEqual(['1 critical alarm', '4 critical alarms']);
});

it.each([
  [501, 'And 1 row more: it is in the file.'],
  [1734, 'And 1,234 rows more: they are in the file.'],
])('of %i rows a table tells how many are left out', (count, text) => {
  const rows = Array.from({ length: count }, (_, at) => [at]);
  render(<DataTable caption="Counts" header={['At']} rows={rows} write={String} />, { wrapper: Page });
  expect(screen.getByText(text)).toBeDefined();
});

it('one difference of a configuration is one point', () => {
  const texts = i18next.cloneInstance({ lng: 'en' }).getFixedT('en', 'alarms');
  const alarm = (...differences: string[]) =>
    ({ kind: 'config_differs', message: 'The original', detail: { differences } }) as unknown as Alarm;
  // As another language has it: in English the server’s own sentence stands.
  const text = (of: Alarm) => toldOf(of, 'of', texts, new Format('en-IN', i18next.t)).text;
  expect(text(alarm('a'))).toContain('in 1 point.');
  expect(text(alarm('a', 'b'))).toContain('in 2 points.');
});

it('one junction that is imported is one junction', async () => {
  answerWith((_, { method }) => (method === 'POST' ? { junctions: 1, links: 1 } : []));
  render(
    <>
      <Notes />
      <CityFile known={[]} />
    </>,
    { wrapper: Page },
  );
  const city = JSON.stringify({ junctions: [{ junction_id: 'a', junction_name: 'A' }] });
  // jsdom has files without their text.
  const file = Object.assign(new File([city], 'city.json'), { text: () => Promise.resolve(city) });
  const input = document.querySelector<HTMLInputElement>('input[type=file]');
  if (input) await userEvent.upload(input, file);
  await userEvent.click(await screen.findByRole('button', { name: 'Import' }));
  await waitFor(() => expect(screen.getByText(/^Imported/).textContent).toBe('Imported: 1 junction, 1 link.'));
});
