import { expect, it } from 'vitest';
import { rightOf } from './me';

it('not to know what somebody may do is not to know that he may not', () => {
  const grants = [
    { junction_id: 'a', role: 'operator' },
    { junction_id: 'b', role: 'observer' },
  ];
  const [admin, plain] = [{ is_admin: true }, { is_admin: false }];
  expect(rightOf(undefined, grants, 'a')).toBeUndefined();
  expect(rightOf(plain, undefined, 'a')).toBeUndefined();
  expect(rightOf(admin, undefined, 'a')).toBe(true);
  expect(['a', 'b', 'c'].map((id) => rightOf(plain, grants, id))).toEqual([true, false, false]);
});
