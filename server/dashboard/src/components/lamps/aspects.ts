import type { Aspect } from '@/live/frames';

export type Colour = 'red' | 'amber' | 'green';

/** The lamps that an aspect lights, and whether they flash. */
export const LIT: Record<Aspect, { lamps: readonly Colour[]; flashes: boolean }> = {
  green: { lamps: ['green'], flashes: false },
  amber: { lamps: ['amber'], flashes: false },
  red: { lamps: ['red'], flashes: false },
  red_amber: { lamps: ['red', 'amber'], flashes: false },
  flash_red: { lamps: ['red'], flashes: true },
  flash_amber: { lamps: ['amber'], flashes: true },
  dark: { lamps: [], flashes: false },
};

/** The word for what a group shows; dark is a fault, not knowing is none. */
export const wordOf = (aspect: Aspect | undefined): Aspect | 'unknown' =>
  aspect && Object.hasOwn(LIT, aspect) ? aspect : 'unknown';

/** An aspect that this page does not know shows nothing, rather than something wrong. */
export const litBy = (aspect: Aspect | undefined) => (aspect && Object.hasOwn(LIT, aspect) ? LIT[aspect] : LIT.dark);
