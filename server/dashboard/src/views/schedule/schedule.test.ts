import { describe, expect, it } from 'vitest';
import { cycleOf } from './cycle';
import { draftOf, entryOf, newDraft } from './draft';
import { blocksOf, type Day, type Entry, minutesOf, timeOf, withHoliday } from './week';

const plan = { stages: [{ stage: 'N', green_s: 25 }], offset_s: 12 };
const entry = (name: string, days: Day[], from: string, to: string, more: Partial<Entry> = { plan }): Entry => ({
  name,
  days,
  from,
  to,
  ...more,
});

describe('the week', () => {
  it('shows an entry that goes on past midnight on the next day as well, of Sunday on Monday', () => {
    const columns = blocksOf([entry('Night', ['sun', 'holiday'], '22:00', '05:30')]);
    const pieces = (day: Day) => columns.get(day)?.map(({ from, to, goesOn }) => [timeOf(from), timeOf(to), goesOn]);
    expect(pieces('sun')).toEqual([['22:00', '24:00', false]]);
    expect(pieces('mon')).toEqual([['00:00', '05:30', true]]);
    expect(pieces('holiday')).toEqual([['22:00', '24:00', false]]);
    expect(pieces('tue')).toEqual([]);
  });

  it('ends an entry until midnight on its day, and keeps what overlaps in reach', () => {
    const limits = { limits: { max_cycle_s: 60 } };
    const columns = blocksOf([
      entry('Late', ['mon'], '20:00', '00:00'),
      entry('Later', ['mon'], '21:00', '22:00'),
      entry('Quiet', ['mon'], '20:30', '23:00', limits),
    ]);
    expect(columns.get('mon')?.map(({ entry: { name }, over }) => [name, over])).toEqual([
      ['Late', 0],
      ['Quiet', 0],
      ['Later', 1],
    ]);
    expect(columns.get('tue')).toEqual([]);
    expect(minutesOf('07:30')).toBe(450);
  });
});

it('plans and limits stand beside each other on the days on which they hold at the same time, and nowhere else', () => {
  const limits = { limits: { max_cycle_s: 60 } };
  const columns = blocksOf([
    entry('Peak', ['mon', 'tue'], '07:00', '10:00'),
    entry('Evening', ['mon'], '17:00', '20:00'),
    entry('School', ['mon'], '09:30', '17:00', limits),
  ]);
  const beside = (day: Day) => columns.get(day)?.map((block) => [block.entry.name, block.beside]);
  expect(beside('mon')).toEqual([
    ['Peak', true],
    ['School', true],
    ['Evening', false],
  ]);
  expect(beside('tue')).toEqual([['Peak', false]]);
});

describe('an entry', () => {
  it('comes back from the form as it was', () => {
    const fixed = entry('School', ['mon', 'holiday'], '07:30', '08:30');
    expect(entryOf(draftOf(fixed, ['N', 'S']))).toEqual(fixed);
    const within = entry('Night', ['sat'], '22:00', '05:30', { limits: { max_cycle_s: 60, min_green_s: 7 } });
    expect(entryOf(draftOf(within, ['N']))).toEqual(within);
  });

  it('keeps a stage that the junction has no longer, for the server to name', () => {
    expect([...draftOf(entry('Old', ['mon'], '07:00', '08:00'), ['S']).greens.keys()]).toEqual(['S', 'N']);
  });

  it('that is new on a workday holds on all of them, with greens that may be', () => {
    const draft = newDraft('tue', '07:00', '08:00', [
      { stage: 'N', min_green_s: 7 },
      { stage: 'S', min_green_s: 30 },
    ]);
    expect(draft.days).toEqual(['mon', 'tue', 'wed', 'thu', 'fri']);
    expect([...draft.greens]).toEqual([
      ['N', 20],
      ['S', 30],
    ]);
    expect(newDraft('holiday', '07:00', '08:00', []).days).toEqual(['holiday']);
  });
});

describe('the cycle of an entry', () => {
  const stage = (name: string, groups: string[]) => ({ stage: name, groups, min_green_s: 7, max_green_s: 60 });
  const layout = {
    stages: [stage('N', ['N', 'left']), stage('S', ['S']), stage('E', ['E', 'left'])],
    signal: { amber_s: 3, all_red_s: 2, red_amber_s: 0, longest_red_s: 180, stage_order: 'fixed' },
    compatible: [
      { a: 'N', b: 'left' },
      { a: 'left', b: 'E' },
    ],
    intergreens: [{ from: 'N', to: 'S', seconds: 8 }],
  };
  const cycle = (greens: Record<string, number | string>, more: object = {}) =>
    cycleOf(
      { ...newDraft('mon', '07:00', '08:00', []), greens: new Map(Object.entries(greens)) },
      { ...layout, ...more },
    );

  it('has the longest intergreen between what ends and what comes', () => {
    expect(cycle({ N: 20, S: 30, E: '' })).toBe(20 + 8 + 30 + 5);
    expect(cycle({ N: 20, S: 30, E: 10 })).toBe(20 + 8 + 30 + 5 + 10 + 5);
    expect(cycle({ N: 20, S: 30, E: '' }, { intergreens: [{ from: 'N', to: 'S', seconds: 6.2 }] })).toBe(62);
    expect(cycle({ N: 20, S: 30, E: '' }, { intergreens: [] })).toBe(60);
  });

  it('has no clearance where a change only adds groups, and amber at least where none that conflict come', () => {
    const stages = [stage('N', ['N']), stage('both', ['N', 'S'])];
    const compatible = [{ a: 'N', b: 'S' }];
    expect(cycle({ N: 20, both: 10 }, { stages, compatible, intergreens: [] })).toBe(20 + 0 + 10 + 3);
    // Without pairs, those of each stage.
    expect(cycle({ N: 20, both: 10 }, { stages, compatible: [], intergreens: [] })).toBe(20 + 0 + 10 + 3);
    expect(cycle({ N: 20 })).toBe(20);
  });
});

it('stages that are named by numbers stay in the order of the layout', () => {
  const stages = [
    { stage: '1', groups: ['a'], min_green_s: 7, max_green_s: 60 },
    { stage: '3', groups: ['a', 'b'], min_green_s: 7, max_green_s: 60 },
    { stage: '2', groups: ['c'], min_green_s: 7, max_green_s: 60 },
  ];
  const draft = newDraft('mon', '07:00', '08:00', stages);
  const compatible = [{ a: 'a', b: 'b' }];
  // From 1 to 3 a group is added only; from 1 to 2 another one would clear.
  expect(cycleOf(draft, { stages, compatible, intergreens: [] })).toBe(3 * 20 + 0 + 5 + 5);
  const saved = { ...entryOf(draft), name: 'Day' };
  expect(saved.plan?.stages.map(({ stage }) => stage)).toEqual(['1', '3', '2']);
  expect([...draftOf(saved, ['1', '3', '2']).greens.keys()]).toEqual(['1', '3', '2']);
});

it('a date has one holiday', () => {
  const list = withHoliday([{ date: '2026-10-02', name: 'a' }], { date: '2026-01-26', name: 'b' });
  expect(withHoliday(list, { date: '2026-10-02', name: 'c' }).map(({ name }) => name)).toEqual(['b', 'c']);
});
