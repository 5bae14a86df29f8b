import i18next from 'i18next';
import { ScrollText } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/log',
  load: () => import('./Logs').then((m) => ({ default: m.Logs })),
  nav: { label: () => i18next.t('nav', { ns: 'logs' }), icon: ScrollText, order: 60 },
};
