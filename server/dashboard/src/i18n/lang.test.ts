import i18next from 'i18next';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { preferences } from '@/app/preferences';
import { chooseLanguage, startTexts } from '.';
import { languageOf } from './languages';

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

  it('is the one that was chosen last, whichever texts come first', async () => {
    await startTexts();
    await chooseLanguage('en');
    i18next.removeResourceBundle('hi', 'common');
    const hindi = languageOf('hi');
    let arrive = (): void => undefined;
    const line = new Promise<void>((resolve) => (arrive = resolve));
    const load = hindi.load;
    vi.spyOn(hindi, 'load').mockImplementation(() => line.then(load));
    const first = chooseLanguage('hi');
    await chooseLanguage('en');
    arrive();
    await first;
    expect([lang(), i18next.language]).toEqual(['en', 'en']);
  });
});
