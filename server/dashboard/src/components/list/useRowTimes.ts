import { useMemo } from 'react';
import { useZones } from '@/api/junctions';
import { type Format, useFormat, useFormats } from '@/i18n/format';
import { isMixed } from '@/i18n/zones';

interface OfJunction {
  junction_id?: string | null | undefined;
}

/** Formats for the rows of a list, each in the zone of its junction; where `rows` stand in several, times name theirs. */
export function useRowTimes(rows: readonly OfJunction[] | undefined): (row: OfJunction) => Format {
  const zones = useZones();
  const formats = useFormats();
  return useMemo(() => {
    const named = isMixed(
      zones,
      (rows ?? []).map(({ junction_id }) => junction_id),
    );
    return ({ junction_id }) => formats(zones.of(junction_id), named);
  }, [rows, zones, formats]);
}

/** Formats in the zone of the city, for what belongs to no junction. */
export const useCityFormat = (): Format => useFormat(useZones().city);
