import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { ProblemError } from '@/api/problem';
import { type Asked, Confirm } from '@/components/Confirm';
import { Refusal } from '@/components/Refusal';
import { useFormat } from '@/i18n/format';

interface Props {
  /** Why it was not saved. */
  error: Error | null;
  /** It is known already that somebody else has changed it. */
  outdated: boolean;
  /** Gives up what is changed here, and shows what the other has saved. */
  load: () => Promise<void>;
  /** Puts what is changed here in the place of what the other has saved. */
  overwrite: () => Promise<void>;
  /** Where what is changed holds; without it the server says in that zone when the other has saved. */
  zone?: string;
}

/** Why something was not saved; when it is for somebody else's change, what can be done about that. */
export function SaveRefusal({ error, outdated, load, overwrite, zone }: Props) {
  const { t } = useTranslation('junctions');
  const format = useFormat(zone);
  const here = useLocation();
  const [asked, setAsked] = useState<Asked | null>(null);
  const loading = useMutation({ mutationFn: load });
  const refused = error instanceof ProblemError && error.status === 412 ? error : null;
  if (!refused && !outdated) return <Refusal error={error} />;
  const ask = () =>
    setAsked({
      title: t('others.sure'),
      text: t('others.sureText'),
      action: t('others.overwriteNow'),
      run: overwrite,
    });
  return (
    <Alert color="yellow" title={t('others.title')} role="alert">
      <Stack gap="xs" align="flex-start">
        {refused && (
          <Text size="sm" lang="en">
            {zone === undefined ? refused.message : format.sentence(refused.message)}
          </Text>
        )}
        <Text size="sm">{t('others.text')}</Text>
        <Group gap="xs">
          <Button size="compact-sm" variant="default" component={Link} to={here} target="_blank">
            {t('others.look')}
          </Button>
          <Button size="compact-sm" variant="default" loading={loading.isPending} onClick={() => loading.mutate()}>
            {t('others.load')}
          </Button>
          <Button size="compact-sm" variant="default" onClick={ask}>
            {t('others.overwrite')}
          </Button>
        </Group>
        <Refusal error={loading.error} />
      </Stack>
      <Confirm asked={asked} onClose={() => setAsked(null)} />
    </Alert>
  );
}
