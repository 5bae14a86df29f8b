import type { View } from '@/app/views';

export const view: View = {
  path: '/users/:userId',
  load: () => import('./Person').then((m) => ({ default: m.Person })),
  admin: true,
};
