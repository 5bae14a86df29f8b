import { Anchor, Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { chooseLanguage } from '@/i18n';
import { languages } from '@/i18n/languages';

/** The languages, before anybody has signed in. */
export function LanguageLinks() {
  const { i18n } = useTranslation();
  return (
    <Group justify="center" gap="md">
      {Object.entries(languages).map(([code, { name }]) => (
        <Anchor
          key={code}
          component="button"
          type="button"
          lang={code}
          size="sm"
          fw={i18n.language === code ? 700 : 400}
          aria-current={i18n.language === code || undefined}
          onClick={() => void chooseLanguage(code)}
        >
          {name}
        </Anchor>
      ))}
    </Group>
  );
}
