import type { Messages } from './messages';

/** A language that the dashboard speaks. */
export interface Language {
  /** Its name in itself. */
  name: string;
  /** How numbers and times are written: its locale in India unless its code names another region, with the digits that engineers use. */
  locale: string;
  /** The script of its texts, as Unicode calls it. */
  script: string;
  load: () => Promise<Messages>;
}

/** The code of a language, which is the name of its file (BCP 47). */
export type LanguageCode = string;

/** Languages by the files of their texts: `./hi.ts`, or `./hi/index.ts` where they are many. */
export function languagesIn(files: Record<string, Language['load']>): Record<LanguageCode, Language> {
  return Object.fromEntries(
    Object.entries(files).map(([path, load]) => {
      const code = path.replace('./', '').replace(/(\/index)?\.ts$/, '');
      const own = new Intl.Locale(code).maximize();
      const locale = new Intl.Locale(code, {
        region: new Intl.Locale(code).region ?? 'IN',
        numberingSystem: 'latn',
      }).toString();
      const name = new Intl.DisplayNames([code], { type: 'language' }).of(code) ?? code;
      return [code, { name, locale, script: own.script ?? 'Latn', load }];
    }),
  );
}

/** The languages, by their code: every one that has a folder or a file of texts beside this one. */
export const languages: Readonly<Record<LanguageCode, Language>> = languagesIn(
  import.meta.glob<Messages>(['./*/index.ts', './[a-z][a-z].ts', './[a-z][a-z][a-z].ts', './[a-z][a-z]-*.ts'], {
    import: 'messages',
  }),
);

export const isLanguage = (code: string | null | undefined): code is LanguageCode =>
  code !== null && code !== undefined && Object.hasOwn(languages, code);

/** A language by its code; one that is not spoken is English. */
export function languageOf(code: LanguageCode): Language {
  const language = languages[code] ?? languages.en;
  if (!language) throw new Error('English is missing');
  return language;
}
