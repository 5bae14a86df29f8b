import i18next from 'i18next';
import { Map as MapIcon } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/',
  load: () => import('./City').then((m) => ({ default: m.City })),
  nav: { label: () => i18next.t('nav', { ns: 'city' }), icon: MapIcon, order: 10 },
};
