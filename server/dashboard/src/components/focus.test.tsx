import { MantineProvider } from '@mantine/core';
import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { Link, MemoryRouter, Route, Routes } from 'react-router';
import { beforeAll, describe, expect, it } from 'vitest';
import { useArrival } from '@/app/useArrival';
import { startTexts } from '@/i18n';
import { PageTitle } from './PageTitle';
import { useKeptFocus } from './useKeptFocus';

beforeAll(startTexts);

/** A view whose title is known only when its data is there. */
function Late() {
  const [known, setKnown] = useState(false);
  return known ? <PageTitle>Late</PageTitle> : <button onClick={() => setKnown(true)}>its data comes</button>;
}

function Views() {
  useArrival();
  return (
    <main id="content" tabIndex={-1}>
      <Link to="/other">to other</Link>
      <Link to="/late">to late</Link>
      <Link to="/other?filter=1">filter</Link>
      <Routes>
        <Route path="/" element={<PageTitle>First</PageTitle>} />
        <Route path="/other" element={<PageTitle>Other</PageTitle>} />
        <Route path="/late" element={<Late />} />
      </Routes>
    </main>
  );
}

describe('the focus', () => {
  const at = () => document.activeElement?.textContent;
  const go = (name: string) => {
    const link = screen.getByText(name);
    link.focus();
    fireEvent.click(link);
  };
  const start = () =>
    render(
      <MantineProvider env="test">
        <MemoryRouter>
          <Views />
        </MemoryRouter>
      </MantineProvider>,
    );

  it('goes to the title of a view that was gone to, and stays where only the address of the same view changes', () => {
    start();
    expect(document.activeElement).toBe(document.body);
    go('to other');
    expect(at()).toBe('Other');
    go('filter');
    expect(at()).toBe('filter');
  });

  it('waits at the view for a title that is not known yet, and leaves alone who has gone on', () => {
    start();
    go('to late');
    expect(document.activeElement?.id).toBe('content');
    fireEvent.click(screen.getByText('its data comes'));
    expect(at()).toBe('Late');
    go('to other');
    go('to late');
    screen.getByText('filter').focus();
    fireEvent.click(screen.getByText('its data comes'));
    expect(at()).toBe('filter');
  });

  it('stays around a button that vanishes when it has done its work', () => {
    function Card() {
      const [there, setThere] = useState(true);
      return (
        <div {...useKeptFocus<HTMLDivElement>()} data-testid="around">
          {there && <button onClick={() => setThere(false)}>Do it</button>}
          <button>Something else</button>
        </div>
      );
    }
    render(<Card />);
    const button = screen.getByText('Do it');
    button.focus();
    fireEvent.click(button);
    expect(document.activeElement).toBe(screen.getByTestId('around'));
  });
});
