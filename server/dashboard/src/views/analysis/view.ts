import i18next from 'i18next';
import { ChartNoAxesCombined } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/analysis',
  load: () => import('./Analysis').then((m) => ({ default: m.Analysis })),
  nav: { label: () => i18next.t('nav', { ns: 'analysis' }), icon: ChartNoAxesCombined, order: 20 },
};
