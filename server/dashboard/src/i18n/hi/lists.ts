import type { Messages } from '../messages';

export const lists: Messages['lists'] = {
  filters: 'फ़िल्टर',
  junction: 'जंक्शन',
  all: 'सभी',
  choose: 'चुनें',
  clear: 'हटाएँ',
  nothingFound: 'कुछ नहीं मिला',
  when: 'समय',
  from: 'से',
  to: 'तक',
  user: 'उपयोगकर्ता',
  device: 'उपकरण',
  what: 'क्या हुआ',
  severity: { debug: 'डिबग', info: 'सूचना', warning: 'चेतावनी', error: 'त्रुटि', critical: 'गंभीर' },
};
