import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { FAMILIES } from './families';

it('the filter has whatever the server writes down', () => {
  const server = resolve(import.meta.dirname, '../../../../src');
  const written = new Set<string>();
  for (const file of readdirSync(server, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.rs')))
    for (const [, family] of readFileSync(resolve(server, file), 'utf8').matchAll(/Deed::new\(\s*"(\w+)\./g))
      written.add(family ?? '');
  expect([...FAMILIES].sort()).toEqual([...written].sort());
});
