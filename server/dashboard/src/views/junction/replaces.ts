import type { TFunction } from 'i18next';
import type { CurrentPlan } from '@/api/types';
import type { Mode } from '@/live/frames';

/** What is known of who decides at a junction. */
export interface Deciding {
  current: CurrentPlan | undefined;
  /** Facts of the override that runs. */
  what: string | undefined;
  /** What the junction says it runs, of which the server knows nothing. */
  unexplained: Exclude<Mode, 'automatic'> | null;
  /** Who has the junction by its cabinet or by a tag. */
  local: 'panel' | 'emergency_vehicle' | undefined;
  /** What runs could not be fetched. */
  failing: boolean;
}

/** What somebody replaces who acts now, in sentences. */
export interface Replaced {
  text: string;
  /** Other people's doing, or nobody knows whose. */
  isOthers: boolean;
}

/** What the junction says that it runs, while the server has no override of it; one that has ended the road shows until its cycle is over. */
export function unexplainedText(
  t: TFunction<'junction'>,
  { current, unexplained, local }: Pick<Deciding, 'current' | 'unexplained' | 'local'>,
): string | null {
  if (!unexplained) return null;
  if (local) return t(`override.local.${local}`);
  const { plan, previous } = current ?? {};
  const isEnding =
    previous?.mode === unexplained &&
    previous.state === 'running' &&
    plan?.mode === 'automatic' &&
    plan.state !== 'refused';
  return t(`override.${isEnding ? 'ending' : 'heard'}.${unexplained}`);
}

export function replacedBy(t: TFunction<'junction'>, deciding: Deciding): Replaced {
  const { current, what, local, failing } = deciding;
  const told = unexplainedText(t, deciding);
  const active = current?.override;
  const entry = current?.plan?.explanation?.method === 'schedule' ? current.plan.explanation.schedule : null;
  const parts = local ? [t(`override.local.${local}`)] : [];
  if (active)
    parts.push(
      t(`override.replaces.${active.mode === 'emergency' ? 'emergency' : 'manual_override'}`, { what: what ?? '' }),
    );
  else if (told && !local) parts.push(told, t('override.replaces.it'));
  else if (failing) parts.push(t('override.replaces.unknown'));
  const isOthers = parts.length > 0;
  if (!isOthers) parts.push(entry ? t('override.replaces.schedule', { entry }) : t('override.replaces.automatic'));
  return { text: parts.join(' '), isOthers };
}
