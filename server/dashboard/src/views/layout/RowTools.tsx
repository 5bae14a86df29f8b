import { ActionIcon, Group } from '@mantine/core';
import { ArrowDown, ArrowUp, Trash2 } from 'lucide-react';
import { useTranslation } from 'react-i18next';

interface Props {
  name: string;
  /** Moves it; absent: its order does not matter. */
  move?: { up: (() => void) | null; down: (() => void) | null };
  remove: () => void;
}

/** Moves and removes a row. */
export function RowTools({ name, move, remove }: Props) {
  const { t } = useTranslation('layout');
  return (
    <Group gap={2} wrap="nowrap" h={36}>
      {move && (
        <>
          <ActionIcon
            variant="subtle"
            disabled={!move.up}
            aria-label={t('up', { name })}
            onClick={move.up ?? undefined}
          >
            <ArrowUp size={16} aria-hidden />
          </ActionIcon>
          <ActionIcon
            variant="subtle"
            disabled={!move.down}
            aria-label={t('down', { name })}
            onClick={move.down ?? undefined}
          >
            <ArrowDown size={16} aria-hidden />
          </ActionIcon>
        </>
      )}
      <ActionIcon variant="subtle" color="red" aria-label={t('remove', { name })} onClick={remove}>
        <Trash2 size={16} aria-hidden />
      </ActionIcon>
    </Group>
  );
}
