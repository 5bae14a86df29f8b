import type { ComponentType } from 'react';
import type { LucideIcon } from 'lucide-react';
import { loaded } from './loaded';

/** A view: an address and what is shown there. */
export interface View {
  /** Below `/app`, as react-router writes it: `/junctions/:junctionId`. */
  path: string;
  load: () => Promise<{ default: ComponentType }>;
  /** Its place in the navigation; none: it is reached from elsewhere. */
  nav?: {
    /** In the language that is shown. */
    label: () => string;
    icon: LucideIcon;
    /** The lowest comes first. */
    order: number;
  };
  /** Only administrators have it. */
  admin?: boolean;
}

/** Every folder of `views/` with a `view.ts` is a view: a further one changes no file of others. */
const found = import.meta.glob<{ view: View }>('../views/*/view.ts', { eager: true });

export const views = Object.values(found).map(({ view }) => ({ ...view, Page: loaded(view.load) }));

export const navigation = views
  .flatMap(({ path, nav, admin = false }) => (nav ? [{ path, admin, ...nav }] : []))
  .sort((a, b) => a.order - b.order);
