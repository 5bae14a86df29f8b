import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { DeviceFields } from './DeviceFields';

beforeAll(startTexts);

it('why the lanes of a device cannot be chosen is said, and they can be asked for again', async () => {
  let failing = true;
  answerWith(() =>
    failing
      ? Response.json({ detail: 'No lanes today' }, { status: 500 })
      : { junction_id: 'j', lanes: [{ lane_id: 'n', lane_name: 'N' }] },
  );
  const values = { device_name: '', device_type: 'junction', lanes: [] };
  render(<DeviceFields junctionId="j" values={values} onChange={() => undefined} problem={null} />, { wrapper: Page });
  const wait = { timeout: 10_000 };
  await screen.findByText('No lanes today', {}, wait);
  const lanes = () => screen.getByLabelText<HTMLInputElement>('Lanes', { selector: 'input' });
  expect(lanes().disabled).toBe(true);
  failing = false;
  fireEvent.click(screen.getByText('Try again'));
  await waitFor(() => expect(lanes().disabled).toBe(false), wait);
});
