import { useEffect, useState } from 'react';
import { clock } from '@/api/clock';

/** Timers reach no further, milliseconds. */
const FURTHEST_MS = 2 ** 31 - 1;

/** What holds at present, as long as it does: what comes after its end has to be fetched. */
export function useHolding<T extends { until?: string | null }>(told: T | null | undefined): T | null {
  const endsAt = told?.until ? clock.here(told.until) : null;
  const [ended, setEnded] = useState<number | null>(null);
  // A week is drawn anew once, as it ends, and not with each second.
  useEffect(() => {
    const leftMs = endsAt === null ? FURTHEST_MS : endsAt - Date.now();
    if (leftMs >= FURTHEST_MS) return undefined;
    const timer = setTimeout(() => setEnded(endsAt), leftMs);
    return () => clearTimeout(timer);
  }, [endsAt]);
  return endsAt !== null && ended === endsAt ? null : (told ?? null);
}
