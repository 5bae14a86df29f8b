import type { UseMutationResult } from '@tanstack/react-query';
import type { components } from '@/api/schema';
import type { ModeBody } from '@/api/types';

/** Sending a mode to a junction, and what came of it. */
export type Act = UseMutationResult<components['schemas']['ModeAnswer'], Error, ModeBody>;
