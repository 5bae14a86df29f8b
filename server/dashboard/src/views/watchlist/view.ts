import i18next from 'i18next';
import { Ambulance } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/watchlist',
  load: () => import('./Watchlist').then((m) => ({ default: m.Watchlist })),
  nav: { label: () => i18next.t('nav', { ns: 'watchlist' }), icon: Ambulance, order: 50 },
};
