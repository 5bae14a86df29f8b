import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { preferences } from '@/app/preferences';
import { messages as en } from './en';
import { isLanguage, type LanguageCode, languageOf } from './languages';
import type { Messages } from './messages';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common';
    resources: Messages;
  }
}

/** The chosen language, else the browser's first that is spoken here, else English. */
function wanted(): LanguageCode {
  const chosen = preferences.get('language');
  if (isLanguage(chosen)) return chosen;
  return navigator.languages.flatMap((tag) => [tag, tag.split('-')[0]]).find(isLanguage) ?? 'en';
}

/** What is to be shown: texts that come later than those of a later choice change nothing. */
let latest: LanguageCode = 'en';

async function show(code: LanguageCode): Promise<void> {
  latest = code;
  if (!i18next.hasResourceBundle(code, 'common')) {
    const messages = await languageOf(code).load();
    for (const [namespace, texts] of Object.entries(messages)) i18next.addResourceBundle(code, namespace, texts);
  }
  if (latest !== code) return;
  await i18next.changeLanguage(code);
  document.documentElement.lang = code;
}

/** Chooses a language, for later visits as well. */
export async function chooseLanguage(code: LanguageCode): Promise<void> {
  preferences.set('language', code);
  await show(code);
}

/** The language that is shown. */
export const language = (): LanguageCode => (isLanguage(i18next.language) ? i18next.language : 'en');

/** Makes the texts ready. */
export async function startTexts(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: 'en',
    fallbackLng: 'en',
    defaultNS: 'common',
    resources: { en },
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  // Without its texts the page is better in English than not there.
  await show(wanted()).catch(() => undefined);
}
