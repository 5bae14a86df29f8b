import { Alert, List, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Act } from './act';

const colors = { running: 'green', pending: 'blue', unknown: 'yellow', refused: 'red' } as const;

/** What the junction says of what was sent. */
export function Outcome({ act }: { act: Act }) {
  const { t } = useTranslation('junction');
  if (!act.data) return null;
  const { applied, reasons } = act.data;
  return (
    <Alert color={colors[applied]} role="status" data-testid="outcome">
      <Text>{t(`override.applied.${applied}`)}</Text>
      {reasons.length > 0 && (
        <List size="sm">
          {reasons.map((reason) => (
            <List.Item key={reason}>{reason}</List.Item>
          ))}
        </List>
      )}
    </Alert>
  );
}
