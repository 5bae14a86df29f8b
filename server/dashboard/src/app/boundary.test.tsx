import { act, render, screen } from '@testing-library/react';
import { StrictMode, Suspense } from 'react';
import { createMemoryRouter, RouterProvider, useLocation } from 'react-router';
import { beforeAll, expect, it, vi } from 'vitest';
import { MantineProvider } from '@mantine/core';
import { startTexts } from '@/i18n';
import { ErrorBoundary } from './ErrorBoundary';
import { loaded } from './loaded';

beforeAll(startTexts);

it('a view that could not be loaded is tried again when somebody comes back to it, and others are shown meanwhile', async () => {
  // React tells each failure on the console.
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  let away = true;
  const Far = loaded(() =>
    away
      ? Promise.reject(new TypeError('Failed to fetch dynamically imported module'))
      : Promise.resolve({ default: () => 'the far view' }),
  );
  const Views = () => {
    const { pathname } = useLocation();
    return (
      <ErrorBoundary at={pathname}>
        <Suspense fallback="loading">{pathname === '/far' ? <Far /> : 'the near view'}</Suspense>
      </ErrorBoundary>
    );
  };
  const router = createMemoryRouter([{ path: '*', element: <Views /> }], { initialEntries: ['/far'] });
  render(
    <StrictMode>
      <MantineProvider env="test">
        <RouterProvider router={router} />
      </MantineProvider>
    </StrictMode>,
  );
  expect((await screen.findByRole('alert')).textContent).toContain('could not be loaded');
  expect(screen.getByText('Load the page again')).toBeTruthy();
  await act(() => router.navigate('/near'));
  await screen.findByText('the near view');
  away = false;
  await act(() => router.navigate('/far'));
  await screen.findByText('the far view');
});
