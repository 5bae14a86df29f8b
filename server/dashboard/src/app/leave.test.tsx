import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider, useMutation } from '@tanstack/react-query';
import { act, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { type ReactNode, useState } from 'react';
import { createMemoryRouter, RouterProvider, useNavigate } from 'react-router';
import { beforeAll, describe, expect, it } from 'vitest';
import { Dialog } from '@/components/Dialog';
import { useSent } from '@/components/sent';
import { startTexts } from '@/i18n';
import { LeaveGuard } from './LeaveGuard';

beforeAll(startTexts);

function Sending() {
  const [sent, setSent] = useState(false);
  useSent(sent);
  return <button onClick={() => setSent(true)}>Send</button>;
}

/** A request that nothing answers yet. */
function Replacing() {
  const { mutate } = useMutation({ mutationFn: () => new Promise(() => undefined) });
  return <button onClick={() => mutate()}>Replace</button>;
}

function WithForm() {
  const [opened, setOpened] = useState(true);
  const [once, setOnce] = useState(false);
  const navigate = useNavigate();
  return (
    <Dialog form sticky={once} opened={opened} onClose={() => setOpened(false)} title="New">
      <input aria-label="Name" />
      <button onClick={() => setOnce(true)}>Make a token</button>
      <button onClick={() => void navigate('/made')}>Create</button>
      <Sending />
      <Replacing />
      <button onClick={() => setOpened(false)}>Do without</button>
    </Dialog>
  );
}

const guarded = (view: ReactNode) => (
  <>
    <LeaveGuard />
    {view}
  </>
);

describe('Back from under a form', () => {
  const start = () => {
    const router = createMemoryRouter(
      [
        { path: '/list', element: guarded('the list') },
        { path: '/place', element: guarded(<WithForm />) },
        { path: '/made', element: guarded('what was made') },
      ],
      { initialEntries: ['/list', '/place'] },
    );
    render(
      <MantineProvider env="test">
        <QueryClientProvider client={new QueryClient()}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>,
    );
    return {
      path: () => router.state.location.pathname,
      back: () => act(() => router.navigate(-1)),
      type: () => fireEvent.change(screen.getByLabelText('Name'), { target: { value: 'Mill Gate' } }),
    };
  };
  const question = () => screen.queryByText('Leave without saving?');

  it('asks once something is typed: who stays finds it again, who goes leaves it', async () => {
    const { path, back, type } = start();
    type();
    await back();
    fireEvent.click(await screen.findByText('Stay'));
    await waitFor(() => expect(question()).toBeNull());
    expect(path()).toBe('/place');
    expect(screen.getByLabelText('Name')).toHaveProperty('value', 'Mill Gate');
    await back();
    fireEvent.click(await screen.findByText('Leave and discard'));
    await screen.findByText('the list');
    expect(screen.queryByLabelText('Name')).toBeNull();
  });

  it('asks nobody who has typed nothing', async () => {
    const { path, back } = start();
    await back();
    await waitFor(() => expect(path()).toBe('/list'));
  });

  it.each([
    ['has closed the form', 'Do without'],
    ['has sent it and reads what came of it', 'Send'],
  ])('asks nobody who %s', async (_, button) => {
    const { path, back, type } = start();
    type();
    fireEvent.click(screen.getByText(button));
    await back();
    await waitFor(() => expect(path()).toBe('/list'));
  });

  it('asks as long as something is shown that is shown only once', async () => {
    const { path, back } = start();
    fireEvent.click(screen.getByText('Make a token'));
    await back();
    await screen.findByText('Stay');
    expect(path()).toBe('/place');
    fireEvent.click(screen.getByText('Stay'));
    await waitFor(() => expect(question()).toBeNull());
    fireEvent.click(screen.getByText('Do without'));
    await back();
    await waitFor(() => expect(path()).toBe('/list'));
  });

  it('asks while something is being sent: its answer may be shown only once', async () => {
    const { path, back } = start();
    fireEvent.click(screen.getByText('Replace'));
    await waitFor(() => expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Close' }).disabled).toBe(true));
    await back();
    await screen.findByText('Stay');
    expect(path()).toBe('/place');
  });

  it('is no question where the form itself leads on to what it has made', async () => {
    const { type } = start();
    type();
    fireEvent.click(screen.getByText('Create'));
    await screen.findByText('what was made');
    expect(question()).toBeNull();
  });
});
