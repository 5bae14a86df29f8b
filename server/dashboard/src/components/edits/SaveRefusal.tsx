import { Alert, Button, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ProblemError } from '@/api/problem';
import { Refusal } from '@/components/Refusal';

interface Props {
  /** Why it was not saved. */
  error: Error | null;
  /** It is known already that somebody else has changed it. */
  outdated: boolean;
  /** Gives up what is changed here, and shows what the other has saved. */
  load: () => void;
}

/** Why something was not saved; when it is for somebody else's change, a way to that. */
export function SaveRefusal({ error, outdated, load }: Props) {
  const { t } = useTranslation('junctions');
  const refused = error instanceof ProblemError && error.status === 412 ? error : null;
  if (!refused && !outdated) return <Refusal error={error} />;
  return (
    <Alert color="yellow" title={t('others.title')} role="alert">
      <Stack gap="xs" align="flex-start">
        {refused && (
          <Text size="sm" lang="en">
            {refused.message}
          </Text>
        )}
        <Text size="sm">{t('others.text')}</Text>
        <Button size="compact-sm" variant="default" onClick={load}>
          {t('others.load')}
        </Button>
      </Stack>
    </Alert>
  );
}
