import { Stack } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Fetched } from '@/components/Fetched';

interface Props<T> {
  query: UseQueryResult<T>;
  height: number;
  children: (data: T) => ReactNode;
}

/** The pictures of an answer. Those of the span before are dimmed until the new ones come, and nothing of them can be saved under its name. */
export function Answered<T>({ query, height, children }: Props<T>) {
  const former = query.isPlaceholderData;
  return (
    <Fetched query={query} height={height}>
      {(data) => (
        <Stack aria-busy={former} inert={former} opacity={former ? 0.4 : undefined} data-testid="answered">
          {children(data)}
        </Stack>
      )}
    </Fetched>
  );
}
