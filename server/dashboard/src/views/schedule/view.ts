import type { View } from '@/app/views';

export const view: View = {
  path: '/junctions/:junctionId/schedule',
  load: () => import('./ScheduleView').then((m) => ({ default: m.ScheduleView })),
};
