import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import type { Layout } from '@/api/types';
import { startTexts } from '@/i18n';
import { Format } from '@/i18n/format';
import { answerWith, Page } from '@/testing/page';
import { OverridesHistory } from './OverridesHistory';

beforeAll(startTexts);

it('what the junction answers is marked as the English that it is', async () => {
  answerWith((url) =>
    url.pathname.endsWith('/overrides')
      ? [
          {
            override_id: 'o',
            mode: 'manual_override',
            override_start: '2026-02-10T03:00:00Z',
            override_end: '2026-02-10T03:01:00Z',
            end_reason: 'refused',
            reason: 'वर्षा',
            road_reasons: ['the panel has command'],
          },
        ]
      : undefined,
  );
  const layout = { junction_id: 'j', junction_name: 'Swargate', lanes: [], groups: [], stages: [] };
  const format = new Format('en-IN', String as never, 'Asia/Kolkata');
  render(<OverridesHistory layout={layout as unknown as Layout} format={format} />, { wrapper: Page });
  expect((await screen.findByText('the panel has command')).lang).toBe('en');
  expect(screen.getByText('वर्षा').getAttribute('lang')).toBeNull();
});
