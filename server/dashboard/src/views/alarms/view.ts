import i18next from 'i18next';
import { Bell } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/alarms',
  load: () => import('./Alarms').then((m) => ({ default: m.Alarms })),
  nav: { label: () => i18next.t('nav', { ns: 'alarms' }), icon: Bell, order: 35 },
};
