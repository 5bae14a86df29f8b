import type { View } from '@/app/views';

export const view: View = { path: '/account', load: () => import('./Account').then((m) => ({ default: m.Account })) };
