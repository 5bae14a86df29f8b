import { queryOptions } from '@tanstack/react-query';
import { all, api, page } from '@/api/client';
import type { Alarm } from '@/api/types';

/** Alarms tell that they open or close; where that goes unheard they are fetched again, milliseconds. */
const AGAIN_MS = 30_000;

/** Alarms that are open; of one junction when given. */
export const openAlarms = (junctionId?: string) =>
  queryOptions({
    queryKey: ['alarms', 'open', junctionId ?? null],
    queryFn: ({ signal }) =>
      all((cursor) =>
        page(
          api.GET('/api/alarms', {
            params: { query: { open: true, limit: 500, cursor, junction_id: junctionId } },
            signal,
          }),
        ),
      ),
    refetchInterval: AGAIN_MS,
  });

/** Whether somebody has to see to it soon, and nobody has said that he does. */
export const isUrgent = (alarm: Alarm): boolean =>
  (alarm.severity === 'critical' || alarm.severity === 'error') && !alarm.acknowledged_at;

/** Where those are listed, and no other ones: they may be far below newer ones that can wait. */
export const URGENT_PATH = '/alarms?state=unnoticed&severity=error';
