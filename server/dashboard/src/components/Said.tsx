import { isTold, sentenceOf } from '@/api/problem';

/** Why something failed: the server's own sentence, which is English, or one of this page. */
export function Said({ error }: { error: unknown }) {
  return <span lang={isTold(error) ? 'en' : undefined}>{sentenceOf(error)}</span>;
}
