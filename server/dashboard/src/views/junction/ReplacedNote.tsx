import { Alert, Text } from '@mantine/core';
import type { Replaced } from './replaces';

/** What an act replaces, above the form that does it. */
export function ReplacedNote({ replaced: { text, isOthers } }: { replaced: Replaced }) {
  return isOthers ? (
    <Alert color="yellow" role="note" data-testid="replaces">
      {text}
    </Alert>
  ) : (
    <Text size="sm" c="dimmed" data-testid="replaces">
      {text}
    </Text>
  );
}
