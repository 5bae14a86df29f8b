import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';

const looks = {
  debug: { color: 'gray', variant: 'outline' },
  info: { color: 'blue', variant: 'outline' },
  warning: { color: 'yellow', variant: 'filled' },
  error: { color: 'red', variant: 'outline' },
  critical: { color: 'red', variant: 'filled' },
} as const;

/** How bad something is: the levels of alarms and of the log. */
export type Severity = keyof typeof looks;

/** How bad something is, in a word. */
export function SeverityBadge({ severity }: { severity: string }) {
  const { t } = useTranslation('lists');
  const known = severity in looks ? (severity as Severity) : 'info';
  return (
    <Badge {...looks[known]} autoContrast miw="max-content">
      {t(`severity.${known}`)}
    </Badge>
  );
}
