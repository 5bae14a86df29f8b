import { expect, it } from 'vitest';
import { theme } from '@/app/theme';
import { GROUND, seriesColour, seriesDash, soft } from './palette';

it('lines are told apart without their colours: those beside each other by dashes, all of 32 by both', () => {
  const dashes = Array.from({ length: 32 }, (_, at) => String(seriesDash(at) ?? 'solid'));
  expect(dashes[0]).toBe('solid');
  expect(new Set(dashes.slice(0, 4)).size).toBe(4);
  expect(new Set(dashes.map((dash, at) => `${dash} ${seriesColour(at, 'light')}`)).size).toBe(32);
});

it('pictures stand on the surfaces of the theme', () => {
  expect(GROUND.dark).toBe(theme.colors?.dark?.[7]);
  expect(soft('#191d25', 'dark')).toBe('#191d25');
});
