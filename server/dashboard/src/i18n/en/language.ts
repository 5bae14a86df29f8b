import type { About } from '../languages';

export const language: About = { name: 'English', locale: 'en-IN', script: 'Latin' };
