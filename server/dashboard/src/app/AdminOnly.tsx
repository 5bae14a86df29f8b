import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMe } from '@/api/me';
import { Fetched } from '@/components/Fetched';
import { PageTitle } from '@/components/PageTitle';

/** A view of administrators; who comes to its address and is none is told so, and sees nothing of it. */
export function AdminOnly({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const me = useMe();
  if (!me.data)
    return (
      <Fetched whole query={me}>
        {() => null}
      </Fetched>
    );
  return me.data.is_admin ? children : <PageTitle>{t('refused.forbidden')}</PageTitle>;
}
