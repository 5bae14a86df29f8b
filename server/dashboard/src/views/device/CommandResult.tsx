import { Alert, Box, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Refusal } from '@/components/Refusal';
import type { useCommand } from './useCommand';

const colors: Record<string, string> = { done: 'green', refused: 'red', unknown: 'yellow' };

/** What came of a command, in the device's own words; takes no room before. */
export function CommandResult({ command }: { command: ReturnType<typeof useCommand> }) {
  const { t } = useTranslation('devices');
  const { data: answer, variables } = command;
  return (
    <div aria-live="polite">
      {command.error && (
        <Box mt="md">
          <Refusal error={command.error} />
        </Box>
      )}
      {answer && (
        <Alert
          mt="md"
          color={colors[answer.result]}
          title={`${t(`command.${variables.type}`)}: ${t(`result.${answer.result as 'done'}`)}`}
          data-testid="command-result"
        >
          <Text size="sm" lang="en">
            {answer.detail}
          </Text>
        </Alert>
      )}
    </div>
  );
}
