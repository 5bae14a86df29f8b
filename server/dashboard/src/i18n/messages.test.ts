import { describe, expect, it } from 'vitest';
import { languages } from './languages';

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

describe.each(Object.entries(languages))('texts in %s', (code, language) => {
  it('are those of English, with the same placeholders and none empty', async () => {
    const english = texts(await languages.en.load());
    const own = new Map(texts(await language.load()));
    expect([...own.keys()].sort()).toEqual(english.map(([key]) => key).sort());
    for (const [key, text] of english) {
      expect(placeholders(own.get(key) ?? ''), key).toEqual(placeholders(text));
      expect(own.get(key)?.trim(), key).not.toBe('');
    }
  });

  it('are written in its own script', async () => {
    const script = { en: /^[\p{Script=Latin}\p{Script=Common}]*$/u, hi: /[\p{Script=Devanagari}]/u }[code];
    expect(script).toBeDefined();
    for (const [key, text] of texts(await language.load())) {
      const words = text.replace(/\{\{\w+\}\}/g, '');
      // Names, symbols and units stand as they are.
      if (key === 'common.appName' || !/\p{L}{3}/u.test(words)) continue;
      expect(words, key).toMatch(script ?? /$^/);
    }
  });
});
