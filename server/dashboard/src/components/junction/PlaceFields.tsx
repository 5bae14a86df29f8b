import { NumberInput, SimpleGrid, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ProblemError } from '@/api/problem';

/** Name, place and cycle times of a junction, as fields have them. */
export interface PlaceValues {
  junction_name: string;
  city: string;
  latitude: number | string;
  longitude: number | string;
  min_cycle_time: number | string;
  base_cycle_time: number | string;
  max_cycle_time: number | string;
}

export const PLACE_FIELDS = [
  'junction_name',
  'city',
  'latitude',
  'longitude',
  'min_cycle_time',
  'base_cycle_time',
  'max_cycle_time',
] as const satisfies readonly (keyof PlaceValues)[];

/** What is sent of the fields. */
export const placeBody = (values: PlaceValues) => ({
  junction_name: values.junction_name.trim(),
  city: values.city.trim(),
  latitude: Number(values.latitude),
  longitude: Number(values.longitude),
  min_cycle_time: Number(values.min_cycle_time),
  base_cycle_time: Number(values.base_cycle_time),
  max_cycle_time: Number(values.max_cycle_time),
});

/** The fields in which two of them differ, as the second has them. */
export const placeChanges = <T extends object>(before: T, after: T): Partial<T> =>
  Object.fromEntries(Object.entries(after).filter(([name, value]) => before[name as keyof T] !== value)) as Partial<T>;

interface Props {
  values: PlaceValues;
  change: (part: Partial<PlaceValues>) => void;
  error: unknown;
}

/** Fields that a new junction and one that exists have. */
export function PlaceFields({ values, change, error }: Props) {
  const { t } = useTranslation('junctions');
  const problem = error instanceof ProblemError ? error : null;
  const text = (name: 'junction_name' | 'city') => (
    <TextInput
      label={t(`field.${name}`)}
      value={values[name]}
      onChange={(event) => change({ [name]: event.currentTarget.value })}
      maxLength={200}
      error={problem?.about(name)}
      required
    />
  );
  const degrees = (name: 'latitude' | 'longitude', most: number) => (
    <NumberInput
      label={t(`field.${name}`)}
      value={values[name]}
      onChange={(value) => change({ [name]: value })}
      min={-most}
      max={most}
      decimalScale={6}
      hideControls
      error={problem?.about(name)}
      required
    />
  );
  const seconds = (name: 'min_cycle_time' | 'base_cycle_time' | 'max_cycle_time') => (
    <NumberInput
      label={t(`field.${name}`)}
      value={values[name]}
      onChange={(value) => change({ [name]: value })}
      min={1}
      max={3600}
      allowDecimal={false}
      error={problem?.about(name)}
      required
    />
  );
  return (
    <>
      {text('junction_name')}
      {text('city')}
      <SimpleGrid cols={2}>
        {degrees('latitude', 90)}
        {degrees('longitude', 180)}
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, xs: 3 }} style={{ alignItems: 'end' }}>
        {seconds('min_cycle_time')}
        {seconds('base_cycle_time')}
        {seconds('max_cycle_time')}
      </SimpleGrid>
    </>
  );
}
