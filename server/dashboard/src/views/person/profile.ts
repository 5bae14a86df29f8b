import type { User } from '@/api/types';

/** What somebody has typed; a field that is absent is untouched. */
export interface Edits {
  email?: string;
  full_name?: string;
}

/** What is to be changed of a user: nothing that is as it was. */
export function changesOf(user: Pick<User, 'email' | 'full_name'>, { email, full_name }: Edits) {
  return {
    ...(email === undefined || email === user.email ? {} : { email }),
    ...(full_name === undefined || full_name === (user.full_name ?? '') ? {} : { full_name: full_name || null }),
  };
}
