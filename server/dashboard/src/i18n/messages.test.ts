import { describe, expect, it } from 'vitest';
import { languageOf, languages, languagesIn } from './languages';

/** Every text below `value` with its path. */
function texts(value: object, path = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const here = path ? `${path}.${key}` : key;
    return typeof inner === 'object' && inner !== null
      ? texts(inner, here)
      : [[here, String(inner)] as [string, string]];
  });
}

const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

it('the languages are English and whatever has texts beside it', () => {
  expect(Object.keys(languages)).toEqual(expect.arrayContaining(['en', 'hi']));
  expect(languages.en).toMatchObject({ name: 'English', script: 'Latn' });
  expect(languages.hi).toMatchObject({ name: 'हिन्दी', locale: 'hi-IN-u-nu-latn', script: 'Deva' });
});

it('a further language is one file, or a folder', async () => {
  const load = languageOf('en').load;
  const found = languagesIn({ './mr.ts': load, './ta/index.ts': load });
  expect(found).toMatchObject({
    mr: { name: 'मराठी', locale: 'mr-IN-u-nu-latn', script: 'Deva' },
    ta: { name: 'தமிழ்', locale: 'ta-IN-u-nu-latn', script: 'Taml' },
  });
  expect(new Intl.NumberFormat(found.mr?.locale).format(1234567.5)).toBe('12,34,567.5');
  expect(await found.ta?.load()).toBe(await load());
});

describe.each(Object.entries(languages))('texts in %s', (_code, language) => {
  it('are those of English, with the same placeholders and none empty', async () => {
    const english = texts(await languageOf('en').load());
    const own = new Map(texts(await language.load()));
    expect([...own.keys()].sort()).toEqual(english.map(([key]) => key).sort());
    for (const [key, text] of english) {
      expect(placeholders(own.get(key) ?? ''), key).toEqual(placeholders(text));
      expect(own.get(key)?.trim(), key).not.toBe('');
    }
  });

  it('are written in its own script', async () => {
    const own = new RegExp(`\\p{Script=${language.script}}`, 'u');
    // Beside its own a language has Latin names and units.
    const others = new RegExp(
      `[^\\p{Script=${language.script}}\\p{Script=Latin}\\p{Script=Common}\\p{Script=Inherited}]`,
      'u',
    );
    for (const [key, text] of texts(await language.load())) {
      const words = text.replace(/\{\{\w+\}\}/g, '');
      // Names, symbols and units stand as they are.
      if (key === 'common.appName' || !/\p{L}{3}/u.test(words)) continue;
      expect(words, key).toMatch(own);
      expect(words, key).not.toMatch(others);
    }
  });
});

it('Hindi has one word for each thing of a signal, the same in every view', async () => {
  const hindi = new Map(texts(await languageOf('hi').load()));
  const glossary = {
    cycle: /चक्र/,
    'all-red': /ऑल-रेड/,
    override: /ओवरराइड/,
    lamp: /लैंप/,
    lane: /लेन/,
    queue: /कतार/,
    stage: /चरण/,
    plan: /प्लान/,
    // The junction's own; what the server has by time of day is a schedule.
    table: /तालिका/,
    schedule: /समय-सारणी/,
    fault: /खराब[ीि]/,
    link: /संपर्क मार्ग/,
    junction: /जंक्शन/,
    device: /उपकरण/,
    reader: /रीडर/,
    vehicle: /वाहन/,
    'not known': /ज्ञात नहीं/,
    unknown: /अज्ञात/,
    holiday: /अवकाश/,
    congested: /भीड़भाड़/,
    'base cycle': /आधार चक्र/,
    acknowledge: /संज्ञान/,
    'notice taken': /संज्ञान/,
    'needs? attention': /ध्यान चाहिए/,
  };
  for (const [key, text] of texts(await languageOf('en').load()))
    for (const [english, own] of Object.entries(glossary))
      if (new RegExp(`\\b${english}s?\\b`, 'i').test(text.replace(/\{\{\w+\}\}/g, '')))
        expect.soft(hindi.get(key), `${key}: ${text}`).toMatch(own);
});

it('and no second word for it', async () => {
  const seconds = /लिंक|(?<!डि)फ़ॉल्ट|(?<!समय-)सारणी|पता नहीं|छुट्टि|ख़|नक़ल|जाम|नियत|फ़्लैश|बिना माप/;
  for (const [key, text] of texts(await languageOf('hi').load())) expect.soft(text, key).not.toMatch(seconds);
});
