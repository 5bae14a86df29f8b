import type { View } from '@/app/views';

export const view: View = {
  path: '/junctions/:junctionId/settings',
  load: () => import('./SetupView').then((m) => ({ default: m.SetupView })),
};
