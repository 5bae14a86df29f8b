import { expect, it } from 'vitest';
import type { Setting } from '@/api/types';
import { grouped, shown } from './grouped';

it('settings keep their order, by section', () => {
  const of = (section: string, key: string): Setting => ({ section, key, origin: 'default' });
  const groups = grouped([of('http', 'bind'), of('http', 'docs'), of('auth', 'session_days')]);
  expect(groups.map(([section, keys]) => [section, keys.map(({ key }) => key)])).toEqual([
    ['http', ['bind', 'docs']],
    ['auth', ['session_days']],
  ]);
});

it('values are written as TOML writes them, and none as nothing', () => {
  expect([shown('a'), shown(30), shown(false), shown(['a', 'b'])]).toEqual(['"a"', '30', 'false', '["a","b"]']);
  expect([shown(null), shown(undefined)]).toEqual([null, null]);
});
