import type { TFunction } from 'i18next';
import { ProblemError, Unanswered } from '@/api/problem';

const KINDS = {
  0: 'unreachable',
  401: 'signIn',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  412: 'outdated',
  413: 'tooLarge',
  422: 'invalid',
  429: 'tooMany',
  500: 'failed',
  503: 'busy',
} as const;

/** What kind of refusal it is, by its status; the server's own sentence, which is English, says the rest. */
export function titleOf(error: unknown, t: TFunction): string {
  if (error instanceof Unanswered) return t('refused.unanswered');
  const status = error instanceof ProblemError ? error.status : -1;
  return status in KINDS ? t(`refused.${KINDS[status as keyof typeof KINDS]}`) : t('wentWrong');
}
