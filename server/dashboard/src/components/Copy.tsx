import { Button, Group, Text } from '@mantine/core';
import { type RefObject, useState } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  /** What is copied. */
  text: string;
  /** Where it is shown: it is selected there where the page itself may not copy. */
  shown: RefObject<HTMLElement | null>;
  /** What it is, where several stand beside each other. */
  label?: string;
  size?: string;
}

/** Copies something that is shown. Browsers let a page do so over HTTPS only: elsewhere it is selected, and copied by hand. */
export function Copy({ text, shown, label, size }: Props) {
  const { t } = useTranslation();
  const [done, setDone] = useState<'copied' | 'copyByHand' | null>(null);
  const select = () => {
    if (shown.current) getSelection()?.selectAllChildren(shown.current);
    setDone('copyByHand');
  };
  const copy = () => {
    const { clipboard } = navigator as { clipboard?: Clipboard };
    if (clipboard) clipboard.writeText(text).then(() => setDone('copied'), select);
    else select();
  };
  return (
    <Group gap="xs">
      <Button size={size} variant="default" onClick={copy} aria-label={label && `${t('copy')}: ${label}`}>
        {t(done === 'copied' ? 'copied' : 'copy')}
      </Button>
      {done === 'copyByHand' && (
        <Text size="sm" role="status">
          {t('copyByHand')}
        </Text>
      )}
    </Group>
  );
}
