import { describe, expect, it } from 'vitest';
import { instantOf, localOf } from './zoned';

describe('times on the wall', () => {
  it.each([
    ['2026-02-10T08:30', 'Asia/Kolkata', '2026-02-10T03:00:00Z'],
    ['2026-01-01T00:00', 'Asia/Kathmandu', '2025-12-31T18:15:00Z'],
    ['2026-07-01T12:00', 'Europe/Berlin', '2026-07-01T10:00:00Z'],
    // The clocks went forward at 02:00; the difference just before is not the one just after.
    ['2026-03-29T03:30', 'Europe/Berlin', '2026-03-29T01:30:00Z'],
    ['2026-02-10T08:30', 'UTC', '2026-02-10T08:30:00Z'],
  ])('%s in %s is %s, and back', (local, zone, instant) => {
    expect(instantOf(local, zone)).toBe(instant);
    expect(localOf(instant, zone)).toBe(local);
  });

  it('are none when nothing, or half of it, is typed in', () => {
    for (const text of ['', '2026-02-10', 'soon', '2026-13-40T25:61', '0202-02-10T08:30'])
      expect(instantOf(text, 'UTC')).toBeNull();
    expect(localOf('soon', 'UTC')).toBe('');
  });
});
