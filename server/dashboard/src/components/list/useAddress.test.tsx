import { act, fireEvent, render, screen } from '@testing-library/react';
import { Suspense, use } from 'react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { expect, it } from 'vitest';
import { useFilters } from './useFilters';

/** A list with two filters whose every other address than the first waits until the gate is open. */
function start(at = '/list') {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  function List() {
    const [filters, setFilter] = useFilters(['kind', 'state']);
    return (
      <Suspense>
        <button onClick={() => setFilter('kind', 'disk')}>disk</button>
        <button onClick={() => setFilter('state', 'over')}>over</button>
        <button onClick={() => setFilter('kind', null)}>any kind</button>
        <Rows filters={`${filters.kind} ${filters.state}`} />
      </Suspense>
    );
  }
  function Rows({ filters }: { filters: string }) {
    if (filters !== 'null null') use(gate);
    return <p>{filters}</p>;
  }
  const router = createMemoryRouter([{ path: '*', element: <List /> }], { initialEntries: ['/before', at] });
  render(<RouterProvider router={router} />);
  const choose = (name: string) =>
    act(async () => {
      fireEvent.click(screen.getByRole('button', { name }));
      await Promise.resolve();
    });
  const arrives = () =>
    act(async () => {
      open();
      await gate;
    });
  return { router, choose, arrives };
}

it('a filter that is set before the one before it is drawn takes nothing away from that', async () => {
  const { router, choose, arrives } = start();
  await choose('disk');
  // What is drawn is the list as it was before.
  expect(screen.getByText('null null')).toBeDefined();
  await choose('over');
  await arrives();
  expect(screen.getByText('disk over')).toBeDefined();
  expect(router.state.location.search).toBe('?kind=disk&state=over');
  await choose('any kind');
  expect(screen.getByText('null over')).toBeDefined();
});

it('who goes elsewhere begins anew there', async () => {
  const { router, choose, arrives } = start();
  await choose('disk');
  await arrives();
  await act(() => router.navigate('/other'));
  await choose('over');
  expect(router.state.location.search).toBe('?state=over');
});
