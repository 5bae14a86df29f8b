import { MantineProvider, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { useState } from 'react';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Dialog } from './Dialog';

beforeAll(startTexts);

describe('a dialog', () => {
  const open = (form: boolean) => {
    const close = vi.fn();
    render(
      <Dialog opened onClose={close} title="New" form={form}>
        <TextInput label="Name" />
      </Dialog>,
      { wrapper: Page },
    );
    return {
      close,
      type: () => fireEvent.change(screen.getByLabelText('Name'), { target: { value: 'Mill Gate' } }),
      escape: () => fireEvent.keyDown(screen.getByLabelText('Name'), { key: 'Escape' }),
      outside: () => {
        const beside = document.querySelector('[class*="Modal-overlay"]');
        if (!beside) throw new Error('there is nothing beside the dialog');
        fireEvent.click(beside);
      },
    };
  };

  it('in which something is filled in keeps it', () => {
    const { close, type, escape, outside } = open(true);
    outside();
    expect(close).not.toHaveBeenCalled();
    type();
    escape();
    expect(close).not.toHaveBeenCalled();
  });

  it('in which nothing is changed yet goes by Escape', () => {
    const form = open(true);
    form.escape();
    expect(form.close).toHaveBeenCalledTimes(1);
  });

  it('that only asks goes by a click beside it', () => {
    const { close, outside } = open(false);
    outside();
    expect(close).toHaveBeenCalledTimes(1);
  });
});

it('a dialog by which what has opened it vanishes leads back to what stood around that', async () => {
  function List() {
    const [rows, setRows] = useState(['a']);
    const [opened, setOpened] = useState(false);
    const remove = () => {
      setRows([]);
      setOpened(false);
    };
    return (
      <div tabIndex={-1} data-testid="around">
        {rows.map((row) => (
          <button key={row} onClick={() => setOpened(true)}>
            Take it away
          </button>
        ))}
        <Dialog opened={opened} onClose={() => setOpened(false)} title="Really?">
          <button onClick={remove}>Yes</button>
        </Dialog>
      </div>
    );
  }
  // With the transitions that a page has: the dialog goes after what has opened it.
  render(
    <Page>
      <MantineProvider>
        <List />
      </MantineProvider>
    </Page>,
  );
  const press = (button: HTMLElement) => {
    button.focus();
    fireEvent.click(button);
  };
  press(screen.getByText('Take it away'));
  const yes = await screen.findByText('Yes');
  await waitFor(() => expect(yes.closest('[role=dialog]')?.contains(document.activeElement)).toBe(true));
  press(yes);
  await waitFor(() => expect(screen.queryByText('Yes')).toBeNull());
  expect(document.activeElement).toBe(screen.getByTestId('around'));
});

describe('while something is being sent', () => {
  function Sending({ inside }: { inside: boolean }) {
    const [opened, setOpened] = useState(false);
    const sending = useMutation({ mutationFn: () => new Promise(() => undefined) });
    const send = <button onClick={() => sending.mutate()}>Send</button>;
    return (
      <>
        <button onClick={() => setOpened(true)}>Open</button>
        {!inside && send}
        <Dialog opened={opened} onClose={() => setOpened(false)} title="Ask">
          {inside && send}
        </Dialog>
      </>
    );
  }
  const close = () => screen.getByRole('button', { name: 'Close' });

  it('from a dialog, that stays for the answer', async () => {
    render(<Sending inside />, { wrapper: Page });
    fireEvent.click(screen.getByText('Open'));
    fireEvent.click(await screen.findByText('Send'));
    await waitFor(() => expect(close()).toHaveProperty('disabled', true));
  });

  it('from elsewhere, a dialog that opens is as free as ever', async () => {
    render(<Sending inside={false} />, { wrapper: Page });
    fireEvent.click(screen.getByText('Send'));
    fireEvent.click(screen.getByText('Open'));
    await screen.findByRole('dialog');
    expect(close()).toHaveProperty('disabled', false);
  });
});
