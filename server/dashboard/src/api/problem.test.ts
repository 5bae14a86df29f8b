import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseLanguage, startTexts } from '@/i18n';
import { isTold, ProblemError, problemOf, sentenceOf } from './problem';

beforeAll(startTexts);
afterAll(() => chooseLanguage('en'));

describe('why something failed', () => {
  it('is said by the server where it says anything', async () => {
    const error = problemOf({ detail: 'A stage needs a group' }, new Response(null, { status: 422 }));
    await chooseLanguage('hi');
    expect([sentenceOf(error), isTold(error)]).toEqual(['A stage needs a group', true]);
  });

  it('is else said in the language that is shown', async () => {
    const [away, mute] = [new ProblemError(0), problemOf('<html>', new Response(null, { status: 502 }))];
    await chooseLanguage('en');
    expect([away, mute].map(sentenceOf)).toEqual([
      'The server cannot be reached',
      'The server answered with status 502',
    ]);
    await chooseLanguage('hi');
    expect([away, mute].map(sentenceOf)).toEqual(['सर्वर से संपर्क नहीं हो रहा', 'सर्वर ने स्थिति 502 से उत्तर दिया']);
    expect([away, mute, new Error('x')].map(isTold)).toEqual([false, false, false]);
  });
});
