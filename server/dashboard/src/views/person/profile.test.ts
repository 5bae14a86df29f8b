import { expect, it } from 'vitest';
import { changesOf } from './profile';

it('only what is changed of a user is sent', () => {
  const user = { email: 'a@example.org', full_name: 'Asha Rao' };
  expect(changesOf(user, {})).toEqual({});
  expect(changesOf(user, { email: 'a@example.org', full_name: 'Asha Rao' })).toEqual({});
  expect(changesOf(user, { email: 'b@example.org' })).toEqual({ email: 'b@example.org' });
  expect(changesOf(user, { full_name: '' })).toEqual({ full_name: null });
  expect(changesOf({ ...user, full_name: null }, { full_name: '' })).toEqual({});
});
