import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { severityColor } from '@/components/alarms/severity';

/** The levels of alarms and of the log. */
export const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const;

/** How bad something is, in a word. */
export function SeverityBadge({ severity }: { severity: string }) {
  const { t } = useTranslation('lists');
  const level = LEVELS.find((known) => known === severity);
  const loud = level === 'warning' || level === 'error' || level === 'critical';
  return (
    <Badge color={severityColor(severity)} variant={loud ? 'filled' : 'outline'} autoContrast miw="max-content">
      {level ? t(`severity.${level}`) : severity}
    </Badge>
  );
}
