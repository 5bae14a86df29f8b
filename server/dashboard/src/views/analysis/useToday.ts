import { clock } from '@/api/clock';
import { useNow } from '@/live/hooks';
import { today } from './span';

/** The present day in a zone: the page may stay open over midnight. */
export const useToday = (zone: string): string => today(zone, useNow(60_000) - clock.aheadMs());
