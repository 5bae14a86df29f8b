import type { messages } from './en';

/** Every text of the dashboard, by view. What English has, every language has: the compiler and a test see to it. */
export type Messages = typeof messages;
