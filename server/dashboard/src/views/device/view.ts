import type { View } from '@/app/views';

export const view: View = {
  path: '/devices/:deviceId',
  load: () => import('./DeviceView').then((m) => ({ default: m.DeviceView })),
};
