/** What deeds are about: the part of their name before the dot. */
export const FAMILIES = [
  'junction',
  'device',
  'watchlist',
  'link',
  'holidays',
  'alarm',
  'user',
  'access',
  'session',
  'dead_letters',
  'vehicles',
  'backup',
  'authority',
] as const;
