import { Badge, createTheme, type CSSVariablesResolver, DEFAULT_THEME, type MantineColorsTuple } from '@mantine/core';

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

/** Dark surfaces with the blue of the ground on which roads are drawn. */
const dark: MantineColorsTuple = [
  '#d5dae3',
  '#b9c0cd',
  '#9aa3b4',
  '#6d778a',
  '#495263',
  '#3a4252',
  '#2a313d',
  '#191d25',
  '#13171e',
  '#0d1016',
];

/** Colours of states whose darkest shades can be read on their lightest, and carry white text (4.5 to 1 and more). */
function readable(name: string, seventh: string, eighth: string, ninth: string): MantineColorsTuple {
  const [a, b, c, d, e, f, g] = DEFAULT_THEME.colors[name] ?? night;
  return [a, b, c, d, e, f, g, seventh, eighth, ninth];
}

const states = {
  red: readable('red', '#cf2f2f', '#c02727', '#a51d1d'),
  green: readable('green', '#237f3b', '#1e7034', '#17602b'),
  yellow: readable('yellow', '#8f5f00', '#805300', '#6e4600'),
  blue: readable('blue', '#1a64ad', '#16599b', '#114b84'),
  orange: readable('orange', '#b04a00', '#9d4100', '#873700'),
  gray: readable('gray', '#495057', '#343a40', '#212529'),
};

export const theme = createTheme({
  primaryColor: 'night',
  primaryShade: 7,
  autoContrast: true,
  luminanceThreshold: 0.4,
  colors: { ...states, night, dark },
  defaultRadius: 'md',
  cursorType: 'pointer',
  // Who asks for less motion sees dialogs come and go at once.
  respectReducedMotion: true,
  fontFamily:
    'Inter, system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Devanagari", "Lohit Devanagari", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '650' },
  // Words as they are written everywhere else.
  components: { Badge: Badge.extend({ defaultProps: { tt: 'none' } }) },
});

/** Quiet text, and what is said of faults, that can still be read: 4.5 to 1 and more on every surface (WCAG 2.2, 1.4.3). */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: { '--mantine-color-dimmed': 'var(--state-idle)', '--mantine-color-error': 'var(--state-bad)' },
  dark: { '--mantine-color-dimmed': 'var(--state-idle)', '--mantine-color-error': 'var(--state-bad)' },
});
