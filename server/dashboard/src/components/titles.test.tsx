import { render, screen } from '@testing-library/react';
import type { ReactNode } from 'react';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { DeviceView } from '@/views/device/DeviceView';
import { JunctionView } from '@/views/junction/JunctionView';
import { LayoutView } from '@/views/layout/LayoutView';
import { Person } from '@/views/person/Person';
import { ScheduleView } from '@/views/schedule/ScheduleView';
import { SetupView } from '@/views/setup/SetupView';
import { SignIn } from '@/views/signin/SignIn';
import { NotFound } from './NotFound';

beforeAll(startTexts);
beforeEach(() => {
  document.title = 'Laxmi Road · FlexTraff';
});

it.each<[string, ReactNode]>([
  ['a junction', <JunctionView key="a" />],
  ['its lanes and stages', <LayoutView key="b" />],
  ['its schedule', <ScheduleView key="c" />],
  ['its settings', <SetupView key="d" />],
  ['a device', <DeviceView key="e" />],
  ['a user', <Person key="f" />],
])('where %s is not to be seen, that is the title of the view and of the tab', async (_, view) => {
  answerWith(({ pathname }) =>
    /^\/api\/(junctions|devices|users)\/+(layout)?$/.test(pathname)
      ? Response.json({ detail: 'No' }, { status: 403 })
      : [],
  );
  render(view, { wrapper: Page });
  expect((await screen.findByRole('heading', { level: 1 })).textContent).toBe('Not permitted');
  expect(document.title).toBe('Not permitted · FlexTraff');
});

it('an address that leads nowhere has its title, and so has the way in', async () => {
  const { unmount } = render(<NotFound />, { wrapper: Page });
  expect(document.title).toBe('There is nothing here · FlexTraff');
  unmount();
  answerWith(() => ({ first_user: 'registered' }));
  render(<SignIn />, { wrapper: Page });
  await screen.findByLabelText(/^User name/);
  expect(document.title).toBe('Sign in · FlexTraff');
});
