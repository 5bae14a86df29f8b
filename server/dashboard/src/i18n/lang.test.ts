import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { preferences } from '@/app/preferences';
import { chooseLanguage, startTexts } from '.';

describe('the language of the document', () => {
  const lang = () => document.documentElement.lang;

  beforeEach(() => {
    document.documentElement.lang = '';
  });
  afterEach(() => chooseLanguage('en'));

  it.each([
    ['hi', ['hi-IN', 'en']],
    ['en', ['en-GB', 'hi']],
    ['hi', ['fr-FR', 'hi']],
    ['en', ['fr-FR']],
  ])('is %s for a browser that wants %j', async (expected, wanted) => {
    vi.spyOn(preferences, 'get').mockReturnValue(null);
    vi.spyOn(navigator, 'languages', 'get').mockReturnValue(wanted);
    await startTexts();
    expect(lang()).toBe(expected);
  });

  it('follows the choice of a person', async () => {
    await startTexts();
    await chooseLanguage('hi');
    expect(lang()).toBe('hi');
    await chooseLanguage('en');
    expect(lang()).toBe('en');
  });
});
