import { setTimeout as pause } from 'node:timers/promises';

/** Waits for a condition, half a minute at most; names it when it does not come. */
export async function until(what: string, met: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await met())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await pause(50);
  }
}
