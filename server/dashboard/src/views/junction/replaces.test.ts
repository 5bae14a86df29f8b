import { createInstance } from 'i18next';
import { describe, expect, it } from 'vitest';
import type { CurrentPlan } from '@/api/types';
import { languageOf } from '@/i18n/languages';
import { type Deciding, replacedBy, unexplainedText } from './replaces';

const i18n = createInstance();
await i18n.init({ lng: 'en', resources: { en: await languageOf('en').load() }, interpolation: { escapeValue: false } });

const plan = (more: object) => more as CurrentPlan;
const told = (more: Partial<Deciding>) =>
  replacedBy(i18n.getFixedT('en', 'junction'), {
    current: plan({}),
    what: undefined,
    unexplained: null,
    local: undefined,
    failing: false,
    ...more,
  });

describe('what the junction runs without an override of the server', () => {
  const shown = (state: string, mode = 'emergency') =>
    unexplainedText(i18n.getFixedT('en', 'junction'), {
      current: plan({ plan: { mode: 'automatic', state }, previous: { mode, state: 'running' } }),
      unexplained: 'emergency',
      local: undefined,
    });

  it('is one that has ended, until its cycle is over', () => {
    for (const state of ['sent', 'pending']) expect(shown(state)).toMatch(/^The emergency has ended.*cycle ends/);
    expect(told({ unexplained: 'manual_override' }).text).not.toContain('has ended');
  });

  it('is a riddle where the plan after it is refused, or another ran before', () => {
    for (const one of [shown('refused'), shown('pending', 'manual_override')])
      expect(one).toMatch(/says that it runs an emergency/);
  });
});

describe('what an act replaces', () => {
  it('is an override, with whose it is and until when', () => {
    const what = 'Procession · by asha · ends in 5 min, at 10:30';
    for (const mode of ['manual_override', 'emergency'])
      expect(told({ current: plan({ override: { mode } }), what })).toEqual({
        text: expect.stringContaining(`${mode === 'emergency' ? 'emergency' : 'manual override'} that runs`) as string,
        isOthers: true,
      });
    expect(told({ current: plan({ override: { mode: 'emergency' } }), what }).text).toContain(what);
  });

  it('is the entry of the schedule that fixes the plan, but not one that only limits it', () => {
    const by = (method: string) => told({ current: plan({ plan: { explanation: { method, schedule: 'Night' } } }) });
    expect(by('schedule')).toMatchObject({ isOthers: false });
    expect(by('schedule').text).toContain('“Night”');
    expect(by('webster').text).not.toContain('Night');
  });

  it('is what only the junction tells, or nobody', () => {
    expect(told({ unexplained: 'manual_override' }).text).toMatch(/says that it runs a manual override.*replaces it/);
    expect(told({ local: 'panel', unexplained: 'manual_override' }).text).toMatch(/^The panel.* there\.$/);
    expect(told({ current: undefined, failing: true }).isOthers).toBe(true);
  });
});
