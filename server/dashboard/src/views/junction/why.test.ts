import { createInstance } from 'i18next';
import { expect, it } from 'vitest';
import { Format } from '@/i18n/format';
import { languageOf } from '@/i18n/languages';
import { type Explanation, whyLang, whyOf } from './why';

const explanation = (more: Partial<Explanation>): Explanation => ({
  method: 'webster',
  sentence: 'The original.',
  cycle_s: 97,
  webster_cycle_s: 96.6,
  cycle_bound: null,
  lost_s: 14,
  flow_ratio_sum: 0.83,
  schedule: null,
  lanes: [{ lane: 'N2', observed_s: 900, flow_veh_h: 140, saturation_veh_h: 1800, flow_ratio: 0.08 }],
  stages: [
    { stage: 'NS', flow_ratio: 0.5, critical_lane: 'N2', green_s: 44, bound: null },
    { stage: 'EW', flow_ratio: 0.33, critical_lane: 'E', green_s: 43, bound: null },
  ],
  ...more,
});

it('a plan is explained in another language by the numbers that decided it', async () => {
  const texts = createInstance();
  await texts.init({
    lng: 'hi',
    resources: { hi: await languageOf('hi').load() },
    interpolation: { escapeValue: false },
  });
  const t = texts.getFixedT('hi', 'junction');
  const format = new Format(languageOf('hi').locale, texts.getFixedT('hi', 'common'));
  const why = (more: Partial<Explanation>) => whyOf(explanation(more), 'hi', t, format);
  expect(why({})).toMatch(/0\.83.*97.*NS.*44.*N2/);
  expect(why({ webster_cycle_s: null, flow_ratio_sum: 1.56, cycle_s: 120 })).toMatch(/1\.56.*120/);
  expect(why({ cycle_bound: 'max_cycle', webster_cycle_s: 143.2, cycle_s: 120 })).toMatch(/143.*अधिकतम चक्र.*120/);
  const unwatched = why({ lanes: [], cycle_s: 60 });
  expect(unwatched).toContain('60');
  expect(unwatched).not.toContain('NS');
  expect(why({ schedule: 'Night' })).toMatch(/97.*Night/);
  expect(why({ method: 'schedule', schedule: 'School' })).toMatch(/School.*97/);
  expect(why({ method: 'of a newer server' })).toBe('The original.');
  expect(whyOf(explanation({}), 'en', t, format)).toBe('The original.');
  for (const bound of ['min_cycle', 'max_cycle', 'min_greens', 'max_greens', 'longest_red'] as const)
    expect(why({ cycle_bound: bound })).not.toContain('why.');
});

it('what is not explained in the language that is shown is marked as English', () => {
  expect(whyLang(explanation({}), 'hi')).toBeUndefined();
  expect(whyLang(explanation({ method: 'schedule' }), 'hi')).toBeUndefined();
  expect(whyLang(explanation({ method: 'of a newer server' }), 'hi')).toBe('en');
  expect(whyLang(null, 'hi')).toBe('en');
});
