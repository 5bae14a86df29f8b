import type { User } from '@/api/types';

/** What somebody has typed; a field that is absent is untouched. */
export interface Edits {
  email?: string;
  full_name?: string;
}

/** What is typed and not yet sent; what is typed as it was sent is no edit any more. */
export const editsSince = (sent: Edits, edits: Edits): Edits =>
  Object.fromEntries(Object.entries(edits).filter(([field, typed]) => sent[field as keyof Edits] !== typed));

/** What is to be changed of a user: nothing that is as it was. */
export function changesOf(user: Pick<User, 'email' | 'full_name'>, { email, full_name }: Edits) {
  return {
    ...(email === undefined || email === user.email ? {} : { email }),
    ...(full_name === undefined || full_name === (user.full_name ?? '') ? {} : { full_name: full_name || null }),
  };
}
