import type { About } from '../languages';

export const language: About = { name: 'हिन्दी', locale: 'hi-IN-u-nu-latn', script: 'Devanagari' };
