import i18next from 'i18next';
import { Cpu } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/devices',
  load: () => import('./Devices').then((m) => ({ default: m.Devices })),
  nav: { label: () => i18next.t('nav', { ns: 'devices' }), icon: Cpu, order: 40 },
};
