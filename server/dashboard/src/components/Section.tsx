import { Box, Group, Paper, Stack, Text, Title, UnstyledButton } from '@mantine/core';
import { ChevronDown, ChevronRight } from 'lucide-react';
import { createContext, type ReactNode, useContext, useId, useState } from 'react';
import { usePhone } from './usePhone';

interface Props {
  title: string;
  /** A sentence below the title. */
  text?: string;
  /** What stands at the end of the title's line. */
  aside?: ReactNode;
  /** On a phone only its title is there until somebody opens it: what is not needed to act. */
  folds?: boolean;
  children: ReactNode;
}

/** Whether what is drawn stands within a part of the view already. */
const Within = createContext(false);

/** A part of a view with a title of its own. Within another one its title is one level lower, and it is no landmark and no card of its own. */
export function Section({ title, text, aside, folds = false, children }: Props) {
  const id = useId();
  const within = useContext(Within);
  const [opened, setOpened] = useState(false);
  const phone = usePhone();
  const folding = folds && phone;
  const Chevron = opened ? ChevronDown : ChevronRight;
  return (
    <Paper
      component={within ? 'div' : 'section'}
      role={within ? 'group' : undefined}
      withBorder={!within}
      p={within ? 0 : 'md'}
      aria-labelledby={id}
    >
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start" wrap="nowrap">
          <Title order={within ? 3 : 2} size={within ? 'h5' : 'h4'} id={id} {...(folding && { flex: 1 })}>
            {folding ? (
              <UnstyledButton
                w="100%"
                style={{ font: 'inherit' }}
                aria-expanded={opened}
                onClick={() => setOpened(!opened)}
              >
                <Group justify="space-between" wrap="nowrap">
                  {title}
                  <Chevron size={20} aria-hidden />
                </Group>
              </UnstyledButton>
            ) : (
              title
            )}
          </Title>
          {aside && <Box flex="none">{aside}</Box>}
        </Group>
        {(!folding || opened) && (
          <Within value>
            {text && (
              <Text size="sm" c="dimmed">
                {text}
              </Text>
            )}
            {children}
          </Within>
        )}
      </Stack>
    </Paper>
  );
}
