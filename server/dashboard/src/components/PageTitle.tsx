import { Title } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { arriveAt, awaitsTitle } from './arrival';
import { titled } from './title';

/** Title of a view, in the page and in the browser's tab. */
export function PageTitle({ children }: { children: string }) {
  const { t } = useTranslation();
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (awaitsTitle()) arriveAt(title.current);
  }, []);
  useEffect(() => {
    titled.view(`${children} · ${t('appName')}`);
  }, [children, t]);
  return (
    <Title order={1} size="h2" ref={title} tabIndex={-1} style={{ outline: 'none' }}>
      {children}
    </Title>
  );
}
