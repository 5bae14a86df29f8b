import i18next from 'i18next';
import { TrafficCone } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/junctions',
  load: () => import('./Junctions').then((m) => ({ default: m.Junctions })),
  nav: { label: () => i18next.t('nav', { ns: 'junctions' }), icon: TrafficCone, order: 15 },
};
