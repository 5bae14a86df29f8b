import { createInstance } from 'i18next';
import { describe, expect, it } from 'vitest';
import type { CurrentPlan } from '@/api/types';
import { languageOf } from '@/i18n/languages';
import { type Deciding, replacedBy } from './replaces';

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
