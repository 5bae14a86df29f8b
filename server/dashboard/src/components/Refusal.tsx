import { Alert, Button, List, Stack, Text } from '@mantine/core';
import { CircleAlert } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { isTold, ProblemError, sentenceOf } from '@/api/problem';
import { conflictOf } from './conflict';
import { ConflictText } from './ConflictText';
import { titleOf } from './refusalTitle';

interface Props {
  error: unknown;
  /** Fields whose faults stand beside their inputs already. */
  shown?: readonly string[];
  /** Offers to try again. */
  retry?: () => void;
}

/** Why the server refused, in its own sentence, or why nothing came of it. */
export function Refusal({ error, shown = [], retry }: Props) {
  const { t } = useTranslation();
  if (error === null || error === undefined) return null;
  const problem = error instanceof ProblemError ? error : null;
  const rest = problem?.fields.filter((fault) => !shown.includes(fault.field)) ?? [];
  const title = titleOf(error, t);
  // A device that serves several lanes that would go is told once.
  const conflicts = new Map(
    rest.flatMap(({ message }) => {
      const known = conflictOf(message);
      return known ? [[JSON.stringify(known), known] as const] : [];
    }),
  );
  const told = rest.filter(({ message }) => !conflictOf(message));
  const sentence = sentenceOf(error);
  const conflict = problem?.status === 409 ? conflictOf(sentence) : null;
  return (
    <Alert color="red" icon={<CircleAlert size={18} aria-hidden />} title={title} role="alert">
      <Stack gap="xs" align="flex-start">
        {conflict && <ConflictText conflict={conflict} />}
        {!conflict && sentence !== title && (
          <Text size="sm" lang={isTold(error) ? 'en' : undefined}>
            {sentence}
          </Text>
        )}
        {rest.length > 0 && (
          <List size="sm">
            {[...conflicts].map(([key, known]) => (
              <List.Item key={key}>
                <ConflictText conflict={known} />
              </List.Item>
            ))}
            {told.map((fault) => (
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
