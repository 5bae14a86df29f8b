import i18next from 'i18next';
import { MailX } from 'lucide-react';
import type { View } from '@/app/views';

export const view: View = {
  path: '/dead-letters',
  load: () => import('./DeadLetters').then((m) => ({ default: m.DeadLetters })),
  nav: { label: () => i18next.t('nav', { ns: 'deadletters' }), icon: MailX, order: 85 },
  admin: true,
};
