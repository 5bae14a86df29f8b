import type { Messages } from './messages';

/** A language that the dashboard speaks. */
export interface Language {
  /** Its name in itself. */
  name: string;
  /** How numbers and times are written: its locale, with the digits that engineers use. */
  locale: string;
  load: () => Promise<Messages>;
}

/** The languages, by their BCP 47 code. A further one is a folder beside `en`, and a line here. */
export const languages = {
  en: { name: 'English', locale: 'en-IN', load: async () => (await import('./en')).en },
  hi: { name: 'हिन्दी', locale: 'hi-IN-u-nu-latn', load: async () => (await import('./hi')).hi },
} as const satisfies Record<string, Language>;

export type LanguageCode = keyof typeof languages;

export const isLanguage = (code: string | null | undefined): code is LanguageCode =>
  code !== null && code !== undefined && Object.hasOwn(languages, code);
