import { List } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSettings } from '@/api/settings';
import type { Setting } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { Section } from '@/components/Section';

/** Who is told of alarms beside this page, by the configuration in force. */
export function Told() {
  const { t } = useTranslation('alarms');
  const settings = useSettings();
  return (
    <Section title={t('told.title')} text={t('told.text')}>
      <Fetched query={settings} height={60}>
        {(rows) => <Ways rows={rows} />}
      </Fetched>
    </Section>
  );
}

function Ways({ rows }: { rows: readonly Setting[] }) {
  const { t } = useTranslation('alarms');
  const of = (key: string) => rows.find((row) => row.section === 'alarms' && row.key === key)?.value;
  const text = (key: string) => {
    const value = of(key);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
  };
  const mails = of('mail_to');
  const recipients = Array.isArray(mails) ? mails.join(', ') : '';
  const least = text('least_severity');
  const web = text('webhook_url');
  const server = text('smtp_url');
  return (
    <List size="sm">
      <List.Item>{web ? t('told.webhook', { url: web }) : t('told.noWebhook')}</List.Item>
      <List.Item>{server && recipients ? t('told.mail', { recipients, server }) : t('told.noMail')}</List.Item>
      {least && (web || server) && (
        <List.Item>
          {t('told.least', {
            least: t(`severity.${least as 'info'}`, { ns: 'lists' }),
            most: text('most_per_hour') ?? '',
          })}
        </List.Item>
      )}
    </List>
  );
}
