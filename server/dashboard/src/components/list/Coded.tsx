import { Code, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** Where the words for the server's codes stand. */
type Words = 'audit:actions' | 'logs:kinds';

/** The key of the word for a code, such as `user.totp.reset`: one may be the beginning of another, so dots part no keys here. */
export const keyOf = (code: string): string => code.replaceAll('.', '_');

/** A code of the server's in words, with itself below them, as filters and files have it; of one that is not known here there is nothing else. */
export function Coded({ code, words }: { code: string; words: Words }) {
  const { t, i18n } = useTranslation(['audit', 'logs']);
  const key = `${words}.${keyOf(code)}`;
  if (!i18n.exists(key)) return <Code lang="en">{code}</Code>;
  return (
    <Stack gap={0}>
      <Text size="sm">{t(key as 'audit:actions.user_update')}</Text>
      <Text size="xs" c="dimmed" ff="monospace" lang="en">
        {code}
      </Text>
    </Stack>
  );
}
