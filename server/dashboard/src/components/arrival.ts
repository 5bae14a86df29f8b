/** Puts the focus somewhere without moving the page. */
export const arriveAt = (element: HTMLElement | null): void => element?.focus({ preventScroll: true });

/** Whether somebody has just come to a view that had no title yet: the focus waits at the view itself. */
export const awaitsTitle = (): boolean => document.activeElement?.id === 'content';
