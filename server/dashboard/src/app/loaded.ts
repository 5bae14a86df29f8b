import { type ComponentType, createElement, lazy } from 'react';

/** The script of a view did not come: the server is away, or has a new version with other scripts. */
export class NotLoaded extends Error {}

type Load = () => Promise<{ default: ComponentType }>;

/** A view whose script is loaded when it is first shown, and once more when it is shown again after that has failed. */
export function loaded(load: Load): ComponentType {
  const attempt = () =>
    lazy(() =>
      load().catch((cause: unknown) => {
        // React keeps what a lazy component came to, failures included.
        Page = attempt();
        throw new NotLoaded('', { cause });
      }),
    );
  let Page = attempt();
  return () => createElement(Page);
}
