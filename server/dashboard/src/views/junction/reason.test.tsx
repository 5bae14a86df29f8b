import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CurrentPlan, Layout } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { EmergencyDialog } from './EmergencyDialog';
import { OverrideDialog } from './OverrideDialog';

beforeAll(startTexts);

const layout = {
  junction_id: 'j',
  junction_name: 'Swargate',
  lanes: [{ lane_id: 'n', lane_name: 'N' }],
  stages: [{ stage: 'N', groups: ['N'], min_green_s: 7, max_green_s: 60 }],
} as unknown as Layout;
const replaced = { text: '', isOthers: false };
const props = { opened: true, onClose: () => undefined, layout, replaced };

describe.each([
  ['override', <OverrideDialog key="o" {...props} current={{} as CurrentPlan} failed={false} />],
  ['emergency', <EmergencyDialog key="e" {...props} />],
])('the reason of an %s', (_, dialog) => {
  it('is sent in one line, and not without a word in it', async () => {
    const sent: { reason?: string }[] = [];
    answerWith(async ({ pathname }, request) => {
      // What it would cost is not known yet.
      if (!pathname.endsWith('/mode')) return new Promise(() => undefined);
      sent.push((await request.json()) as object);
      return Response.json({ applied: 'running', reasons: [], plan_id: 'p' });
    });
    render(dialog, { wrapper: Page });
    const field = await screen.findByRole('textbox', { name: /Reason/ });
    const form = field.closest('form');
    if (!form) throw new Error('no form');
    fireEvent.change(field, { target: { value: ' \n ' } });
    fireEvent.submit(form);
    expect(await screen.findByText('Say why')).toBeTruthy();
    expect(document.activeElement).toBe(field);
    expect(sent).toEqual([]);
    const reason =
      field instanceof HTMLTextAreaElement ? ' Procession\n\non  the\tmain road ' : ' Procession on  the\tmain road ';
    fireEvent.change(field, { target: { value: reason } });
    expect(screen.queryByText('Say why')).toBeNull();
    fireEvent.submit(form);
    await waitFor(() => expect(sent.map((body) => body.reason)).toEqual(['Procession on the main road']));
  });
});
