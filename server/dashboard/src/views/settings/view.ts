import i18next from 'i18next';
import { SlidersHorizontal } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/settings',
  load: () => import('./Settings').then((m) => ({ default: m.Settings })),
  nav: { label: () => i18next.t('nav', { ns: 'settings' }), icon: SlidersHorizontal, order: 90 },
  admin: true,
};
