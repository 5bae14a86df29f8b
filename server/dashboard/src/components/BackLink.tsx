import { Anchor, Group } from '@mantine/core';
import { ChevronLeft } from 'lucide-react';
import { Link } from 'react-router';

/** Leads from a thing to the list of its like. */
export function BackLink({ to, text }: { to: string; text: string }) {
  return (
    <Anchor component={Link} to={to} size="sm">
      <Group component="span" gap={4}>
        <ChevronLeft size={16} aria-hidden />
        {text}
      </Group>
    </Anchor>
  );
}
