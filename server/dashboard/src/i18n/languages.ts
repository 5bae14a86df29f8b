import type { Messages } from './messages';

/** What is known of a language before its texts are there. */
export interface About {
  /** Its name in itself. */
  name: string;
  /** How numbers and times are written: its locale, with the digits that engineers use. */
  locale: string;
  /** The script of its texts, as Unicode calls it. */
  script: string;
}

/** A language that the dashboard speaks. */
export interface Language extends About {
  load: () => Promise<Messages>;
}

/** The code of a language, which is the name of its folder (BCP 47). */
export type LanguageCode = string;

const abouts = import.meta.glob<About>('./*/language.ts', { eager: true, import: 'language' });
const texts = import.meta.glob<Messages>('./*/index.ts', { import: 'messages' });

const found = Object.entries(abouts).flatMap(([path, about]): [LanguageCode, Language][] => {
  const folder = path.replace('/language.ts', '');
  const load = texts[`${folder}/index.ts`];
  return load ? [[folder.replace('./', ''), { ...about, load }]] : [];
});

/** The languages, by their code: every folder beside this file that says what it is and has texts. */
export const languages: Readonly<Record<LanguageCode, Language>> = Object.fromEntries(found);

export const isLanguage = (code: string | null | undefined): code is LanguageCode =>
  code !== null && code !== undefined && Object.hasOwn(languages, code);

/** A language by its code; one that is not spoken is English. */
export function languageOf(code: LanguageCode): Language {
  const language = languages[code] ?? languages.en;
  if (!language) throw new Error('English is missing');
  return language;
}
