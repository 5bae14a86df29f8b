import { createInstance } from 'i18next';
import { expect, it } from 'vitest';
import { Format } from './format';

it('a time of another year has its year', () => {
  const format = new Format('en-IN', createInstance().t, 'Asia/Kolkata');
  const now = '2026-02-12T06:00:00Z';
  for (const style of ['moment', 'dateTime', 'line'] as const) {
    expect(format[style]('2025-02-12T03:00:00Z', now)).toMatch(/2025/);
    expect(format[style]('2026-01-12T03:00:00Z', now)).not.toMatch(/202/);
  }
  // The year is that of the junction: in Kolkata it has begun.
  expect(format.dateTime('2025-12-31T19:00:00Z', now)).not.toMatch(/202/);
});

it('a file has the second at which something was', () => {
  const format = new Format('hi-IN', createInstance().t, 'Asia/Kolkata');
  expect(format.stampToSecond('2026-02-12T03:00:07Z')).toBe('2026-02-12 08:30:07');
});
