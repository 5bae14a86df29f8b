import type { View } from '@/app/views';

export const view: View = {
  path: '/junctions/:junctionId/layout',
  load: () => import('./LayoutView').then((m) => ({ default: m.LayoutView })),
};
