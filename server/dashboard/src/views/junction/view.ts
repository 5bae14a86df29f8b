import type { View } from '@/app/views';

export const view: View = {
  path: '/junctions/:junctionId',
  load: () => import('./JunctionView').then((m) => ({ default: m.JunctionView })),
};
