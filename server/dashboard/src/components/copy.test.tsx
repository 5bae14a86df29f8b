import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { createRef } from 'react';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Copy } from './Copy';
import { newUuid } from './uuid';

beforeAll(startTexts);

describe('over plain HTTP', () => {
  it('what is shown once is selected, to be copied by hand', async () => {
    const shown = createRef<HTMLElement>();
    render(
      <>
        <code ref={shown}>the token</code>
        <Copy text="the token" shown={shown} />
      </>,
      { wrapper: Page },
    );
    fireEvent.click(screen.getByText('Copy'));
    await waitFor(() => expect(screen.getByRole('status').textContent).toMatch(/by hand/));
    expect(getSelection()?.toString()).toBe('the token');
  });

  it('ids are random all the same', () => {
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
    const ids = Array.from({ length: 200 }, newUuid);
    expect(new Set(ids).size).toBe(200);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
