import i18next from 'i18next';
import { FileClock } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/audit',
  load: () => import('./Audit').then((m) => ({ default: m.Audit })),
  nav: { label: () => i18next.t('nav', { ns: 'audit' }), icon: FileClock, order: 80 },
  admin: true,
};
