/** How far the clocks of a zone are ahead of UTC at a time, milliseconds. */
function aheadMs(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((found) => found.type === type)?.value);
  const shown = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return shown - Math.floor(at / 1000) * 1000;
}

/** The instant (RFC 3339, UTC) at which clocks in `zone` show `local` (`2026-02-10T08:30`); null for what is no time, or has only half its year: who types 2026 begins with 0002. */
export function instantOf(local: string, zone: string): string | null {
  const shown = Date.parse(`${local}Z`);
  if (!/^[1-9]\d{3}-\d\d-\d\dT/.test(local) || Number.isNaN(shown)) return null;
  // The difference is asked for at a time near the right one, then at the right one.
  let at = shown - aheadMs(shown, zone);
  at = shown - aheadMs(at, zone);
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

/** What clocks in `zone` show at an instant, as an input of the browser takes it: `2026-02-10T08:30`. */
export function localOf(instant: string, zone: string): string {
  const at = Date.parse(instant);
  return Number.isNaN(at) ? '' : new Date(at + aheadMs(at, zone)).toISOString().slice(0, 16);
}
