import { Button, Group, Paper, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useUnsaved } from './unsaved';
import classes from './SaveBar.module.css';

interface Props {
  changed: boolean;
  saving: boolean;
  save: () => void;
  discard: () => void;
}

/** Says that something is not saved yet, and stays in sight until it is; nobody leaves without being asked. */
export function SaveBar({ changed, saving, save, discard }: Props) {
  const { t } = useTranslation('junctions');
  useUnsaved(changed);
  if (!changed) return null;
  return (
    <Paper className={classes.bar} withBorder shadow="md" p="sm" role="region" aria-label={t('unsaved')}>
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          {t('unsaved')}
        </Text>
        <Group gap="xs">
          <Button variant="default" onClick={discard} disabled={saving}>
            {t('discard')}
          </Button>
          <Button onClick={save} loading={saving}>
            {t('save')}
          </Button>
        </Group>
      </Group>
    </Paper>
  );
}
