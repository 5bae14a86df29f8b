import { beforeEach, describe, expect, it } from 'vitest';
import { clock } from './clock';

const WRITTEN = 'Sun, 01 Nov 2026 10:00:00 GMT';
const at = Date.parse('2026-11-01T10:00:00Z');

describe('the clock of this machine', () => {
  beforeEach(() => clock.learn(WRITTEN, at + 400, at + 600));

  it('is right within what can be told', () => {
    clock.learn(WRITTEN, at - 900, at + 900);
    expect(clock.aheadMs()).toBe(0);
    expect(clock.here('2026-11-01T10:00:00Z')).toBe(at);
  });

  it('is fast or slow, and times of the server are taken along', () => {
    clock.learn(WRITTEN, at + 120_400, at + 120_600);
    expect(clock.aheadMs()).toBe(120_000);
    expect(clock.here('2026-11-01T10:00:00Z')).toBe(at + 120_000);
    clock.learn(WRITTEN, at - 59_600, at - 59_400);
    expect(clock.aheadMs()).toBe(-60_000);
  });

  it('is not judged by an answer that took long, or says no time', () => {
    clock.learn(WRITTEN, at + 100_000, at + 120_000);
    clock.learn(null, at + 120_400, at + 120_600);
    expect(clock.aheadMs()).toBe(0);
  });
});
