import { expect, it } from 'vitest';
import type { Alarm } from '@/api/types';
import { isUrgent } from '@/components/alarms/open';
import { titled } from '@/components/title';
import { openedSince } from './notices';

const alarm = (alarm_id: string, severity: string, acknowledged_at: string | null = null): Alarm => ({
  alarm_id,
  severity,
  acknowledged_at,
  kind: 'signal_fault',
  message: 'x',
  detail: {},
  opened_at: '2026-02-10T03:00:00Z',
});

it('a critical alarm that opens is told, and none that was open before', () => {
  const alarms = [alarm('a', 'critical'), alarm('b', 'error'), alarm('c', 'critical')];
  expect(openedSince(null, alarms)).toEqual([]);
  expect(openedSince(new Set(['a']), alarms).map(({ alarm_id }) => alarm_id)).toEqual(['c']);
});

it('what is serious and nobody has taken notice of wants somebody', () => {
  expect([alarm('a', 'critical'), alarm('b', 'error'), alarm('c', 'warning')].map(isUrgent)).toEqual([
    true,
    true,
    false,
  ]);
  expect(isUrgent(alarm('a', 'critical', '2026-02-10T03:01:00Z'))).toBe(false);
});

it('the title of the tab says how many', () => {
  titled.view('Schedule · FlexTraff');
  titled.urgent(2);
  expect(document.title).toBe('(2) Schedule · FlexTraff');
  titled.view('City · FlexTraff');
  expect(document.title).toBe('(2) City · FlexTraff');
  titled.urgent(0);
  expect(document.title).toBe('City · FlexTraff');
});
