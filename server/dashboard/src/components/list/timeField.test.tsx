import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { expect, it } from 'vitest';
import { Page } from '@/testing/page';
import { DayField } from '@/views/analysis/DayField';
import { TimeField } from './TimeField';

const OLD = '2026-02-10T03:00:00Z';

/** The texts that a browser tells one after the other while somebody types a year over the one that is there. */
const YEARS = ['0002', '0020', '0202', '2025'];

it('a time is typed digit by digit, and taken up once its year is whole', () => {
  const told: (string | null)[] = [];
  function Filter() {
    const [value, setValue] = useState<string | null>(OLD);
    const change = (instant: string | null) => {
      told.push(instant);
      setValue(instant);
    };
    return <TimeField label="From" value={value} onChange={change} zone="Asia/Kolkata" />;
  }
  render(<Filter />, { wrapper: Page });
  const input = screen.getByLabelText<HTMLInputElement>('From');
  expect(input.value).toBe('2026-02-10T08:30');
  for (const year of YEARS) {
    const value = `${year}-02-10T08:30`;
    fireEvent.change(input, { target: { value } });
    expect(input.value).toBe(value);
  }
  expect(told).toEqual(['2025-02-10T03:00:00Z']);
  fireEvent.change(input, { target: { value: '0002-02-10T08:30' } });
  fireEvent.blur(input);
  expect(input.value).toBe('2025-02-10T08:30');
  fireEvent.change(input, { target: { value: '' } });
  expect(told.at(-1)).toBeNull();
  expect(input.value).toBe('');
});

it('what is typed into a field of a filter stays while the address has not followed yet', () => {
  const told: (string | null)[] = [];
  render(<TimeField label="From" value={OLD} onChange={(at) => told.push(at)} zone="UTC" />, { wrapper: Page });
  const input = screen.getByLabelText<HTMLInputElement>('From');
  fireEvent.change(input, { target: { value: '2026-02-09T08:30' } });
  expect(input.value).toBe('2026-02-09T08:30');
  expect(told).toEqual(['2026-02-09T08:30:00Z']);
});

it('and so is a day', () => {
  const told: string[] = [];
  render(<DayField label="Day" value="2026-02-10" onChange={(day) => told.push(day)} />, { wrapper: Page });
  const input = screen.getByLabelText<HTMLInputElement>('Day');
  for (const year of YEARS) {
    const value = `${year}-02-10`;
    fireEvent.change(input, { target: { value } });
    expect(input.value).toBe(value);
  }
  expect(told).toEqual(['2025-02-10']);
  fireEvent.change(input, { target: { value: '' } });
  fireEvent.blur(input);
  expect(input.value).toBe('2026-02-10');
});
