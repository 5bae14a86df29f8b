/** What a person chose about the look of the page; nothing secret. */
type Preference = 'language';

/** Kept in the browser where it permits that. */
export const preferences = {
  get(name: Preference): string | null {
    try {
      // eslint-disable-next-line no-restricted-globals -- a choice of language is no secret
      return localStorage.getItem(`flextraff-${name}`);
    } catch {
      return null;
    }
  },
  set(name: Preference, value: string): void {
    try {
      // eslint-disable-next-line no-restricted-globals -- as above
      localStorage.setItem(`flextraff-${name}`, value);
    } catch {
      // The choice then holds for this visit.
    }
  },
};
