import { act, fireEvent, render, screen } from '@testing-library/react';
import { Suspense, startTransition, use, useState } from 'react';
import { expect, it } from 'vitest';
import { useTyped } from './useTyped';

interface Gate {
  promise: Promise<void>;
  open: () => void;
}

function gate(): Gate {
  let open = () => {};
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}

/** A page whose address is on its way until the gate of each text is open. */
function Page({ gates }: { gates: Map<string, Gate> }) {
  const [address, go] = useState('');
  return (
    <Suspense>
      <Field address={address} go={(text) => startTransition(() => go(text))} />
      <List gates={gates} address={address} />
    </Suspense>
  );
}

function Field({ address, go }: { address: string; go: (text: string) => void }) {
  const { typed, type, commit } = useTyped(address, go);
  return (
    <input
      value={typed}
      // What is in capitals is not whole yet.
      onChange={({ currentTarget: { value } }) => (value === value.toUpperCase() ? type(value) : commit(value))}
    />
  );
}

function List({ gates, address }: { gates: Map<string, Gate>; address: string }) {
  const waits = gates.get(address);
  if (waits) use(waits.promise);
  return <p>{address}</p>;
}

it('keeps what is typed while the address of something typed before is on its way', async () => {
  const gates = new Map(['a', 'ab', 'abc'].map((text) => [text, gate()]));
  await act(async () => {
    render(<Page gates={gates} />);
    await Promise.resolve();
  });
  const field = screen.getByRole<HTMLInputElement>('textbox');
  const typed = async (text: string) => {
    await act(async () => {
      fireEvent.change(field, { target: { value: text } });
      await Promise.resolve();
    });
    expect(field.value).toBe(text);
  };
  const arrives = async (text: string) => {
    await act(async () => {
      gates.get(text)?.open();
      await gates.get(text)?.promise;
    });
  };
  await typed('a');
  await typed('AX');
  await typed('ab');
  await arrives('a');
  expect(field.value).toBe('ab');
  await typed('ABX');
  await arrives('ab');
  expect(field.value).toBe('ABX');
  await typed('abc');
  await arrives('abc');
  expect(field.value).toBe('abc');
  expect(screen.getByText('abc')).toBeDefined();
});
