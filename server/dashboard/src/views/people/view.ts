import i18next from 'i18next';
import { Users } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/users',
  load: () => import('./People').then((m) => ({ default: m.People })),
  nav: { label: () => i18next.t('nav', { ns: 'people' }), icon: Users, order: 70 },
  admin: true,
};
