import { Title } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { arriveAt, awaitsTitle } from './arrival';
import { titled } from './title';

/** The title in the browser's tab alone. */
export function useTabTitle(text: string): void {
  const { t } = useTranslation();
  useEffect(() => {
    titled.view(`${text} · ${t('appName')}`);
  }, [text, t]);
}

/** Title of a view, in the page and in the browser's tab. */
export function PageTitle({ children }: { children: string }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (awaitsTitle()) arriveAt(title.current);
  }, []);
  useTabTitle(children);
  return (
    <Title order={1} size="h2" ref={title} tabIndex={-1} style={{ outline: 'none' }}>
      {children}
    </Title>
  );
}
