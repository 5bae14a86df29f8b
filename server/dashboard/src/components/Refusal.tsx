import { Alert, Button, List, Stack, Text } from '@mantine/core';
import { CircleAlert } from 'lucide-react';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { isTold, ProblemError, sentenceOf, Unanswered } from '@/api/problem';

interface Props {
  error: unknown;
  /** Fields whose faults stand beside their inputs already. */
  shown?: readonly string[];
  /** Offers to try again. */
  retry?: () => void;
}

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
function titleOf(problem: ProblemError | null, t: TFunction): string {
  if (problem instanceof Unanswered) return t('refused.unanswered');
  const status = problem?.status ?? -1;
  return status in KINDS ? t(`refused.${KINDS[status as keyof typeof KINDS]}`) : t('wentWrong');
}

/** Why the server refused, in its own sentence, or why nothing came of it. */
export function Refusal({ error, shown = [], retry }: Props) {
  const { t } = useTranslation();
  if (error === null || error === undefined) return null;
  const problem = error instanceof ProblemError ? error : null;
  const rest = problem?.fields.filter((fault) => !shown.includes(fault.field)) ?? [];
  const title = titleOf(problem, t);
  const sentence = sentenceOf(error);
  return (
    <Alert color="red" icon={<CircleAlert size={18} aria-hidden />} title={title} role="alert">
      <Stack gap="xs" align="flex-start">
        {sentence !== title && (
          <Text size="sm" lang={isTold(error) ? 'en' : undefined}>
            {sentence}
          </Text>
        )}
        {rest.length > 0 && (
          <List size="sm">
            {rest.map((fault) => (
              <List.Item key={fault.field + fault.message} lang="en">
                {fault.message}
              </List.Item>
            ))}
          </List>
        )}
        {problem?.retryAfter && <Text size="sm">{t('tryAgainIn', { seconds: problem.retryAfter })}</Text>}
        {retry && (
          <Button size="compact-sm" variant="default" onClick={retry}>
            {t('retry')}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
