import { Alert, List, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Verdict } from './act';

const colors = {
  running: 'green',
  pending: 'blue',
  unknown: 'yellow',
  refused: 'red',
  replaced: 'gray',
  expired: 'gray',
} as const;

interface Props {
  verdict: Verdict | null;
  /** It was the way back to automatic mode. */
  back?: boolean;
}

/** What the junction says of what was sent. */
export function Outcome({ verdict, back = false }: Props) {
  const { t } = useTranslation('junction');
  if (!verdict) return null;
  const { applied, reasons } = verdict;
  return (
    <Alert color={colors[applied]} role="status" data-testid="outcome">
      <Text>{t(`override.${back ? 'returned' : 'applied'}.${applied}`)}</Text>
      {reasons.length > 0 && (
        <List size="sm">
          {reasons.map((reason, at) => (
            <List.Item key={at} lang="en">
              {reason}
            </List.Item>
          ))}
        </List>
      )}
    </Alert>
  );
}
