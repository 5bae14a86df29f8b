import { createTheme, type MantineColorsTuple } from '@mantine/core';

/** A blue that no lamp shows. */
const night: MantineColorsTuple = [
  '#eef3ff',
  '#dbe4fb',
  '#b3c6f3',
  '#88a6ec',
  '#648ae6',
  '#4d78e3',
  '#3f6ddd',
  '#315bc4',
  '#2850b0',
  '#1b449c',
];

export const theme = createTheme({
  primaryColor: 'night',
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.4,
  colors: { night },
  defaultRadius: 'md',
  cursorType: 'pointer',
  fontFamily:
    'Inter, system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Devanagari", "Lohit Devanagari", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '650' },
});
