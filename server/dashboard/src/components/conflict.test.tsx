import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { type FieldFault, ProblemError } from '@/api/problem';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { Refusal } from './Refusal';

beforeAll(startTexts);

const [A, B] = ['11111111-aaaa-bbbb-cccc-0123456789ab', '22222222-aaaa-bbbb-cccc-0123456789ab'];
const shows = (sentence: string, status = 409, fields: FieldFault[] = []) => {
  answerWith(({ pathname }) => {
    if (pathname === '/api/junctions/')
      return [
        { junction_id: A, junction_name: 'Deccan' },
        { junction_id: B, junction_name: 'Camp' },
      ];
    return pathname === '/api/devices' ? [{ device_id: A, device_name: 'Cabinet 7' }] : undefined;
  });
  render(<Refusal error={new ProblemError(status, sentence, fields)} />, { wrapper: Page });
};

it('a link whose last lane would go is told by its names, and leads to where it is changed', async () => {
  shows(`the link from junction ${A} to ${B} names only lanes that would go: give it other lanes, or delete it, first`);
  await screen.findByText(/^The link from Deccan to Camp would keep no lane/);
  const way = screen.getByRole('link', { name: 'Look at Deccan' });
  expect([way.getAttribute('href'), way.getAttribute('target')]).toEqual([`/junctions/${A}/settings`, '_blank']);
  expect(screen.getByRole('alert').textContent).not.toContain('11111111');
});

it('so is a device whose last lane would go', async () => {
  shows(`device ${A} serves only lanes that would go: give it other lanes, or delete it, first`);
  await screen.findByText(/^The device Cabinet 7 would keep no lane/);
  expect(screen.getByRole('link', { name: 'Look at Cabinet 7' }).getAttribute('href')).toBe(`/devices/${A}`);
});

it('a device that serves lanes that would go is told once, among other rules that are broken', async () => {
  const fault = (lane: string) => ({
    field: 'devices',
    message: `junction "Deccan": device ${A} names lane ${lane}, which is not one of its lanes`,
  });
  const other = { field: 'stages', message: 'junction "Deccan": stage "W" has no groups' };
  shows('Invalid request: devices, stages', 422, [fault(A), fault(B), other]);
  await screen.findByText('The device Cabinet 7 serves a lane that would go. Take the lane away from it first.');
  expect(screen.getByText(other.message).closest('li')?.lang).toBe('en');
});

it('so is a watch list that is full', async () => {
  shows(`The list of junction ${B} is full: it has 1000 entries`);
  await screen.findByText(
    'The list of Camp is full: it has 1,000 entries. Nothing was added, also at no other junction.',
  );
});

it('another conflict is told in the words of the server', async () => {
  shows('The city has a junction of this name');
  expect((await screen.findByText('The city has a junction of this name')).lang).toBe('en');
});
