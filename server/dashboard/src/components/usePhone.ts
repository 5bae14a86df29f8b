import { useMantineTheme } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';

/** Whether the page is as narrow as on a phone: where the navigation is a menu. */
export function usePhone(): boolean {
  const { breakpoints } = useMantineTheme();
  return useMediaQuery(`not all and (min-width: ${breakpoints.sm})`, undefined, { getInitialValueInEffect: false });
}
