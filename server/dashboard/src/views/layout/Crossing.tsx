import { NumberInput, Switch } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { CrossingDraft } from './draft';

interface Props {
  crossing: CrossingDraft;
  change: (part: Partial<CrossingDraft>) => void;
}

/** Times and push button of a pedestrian head. */
export function Crossing({ crossing, change }: Props) {
  const { t } = useTranslation('layout');
  return (
    <>
      <NumberInput
        label={t('groups.walk')}
        placeholder="7"
        value={crossing.walk}
        onChange={(walk) => change({ walk })}
        min={4}
        max={60}
        w={150}
      />
      <NumberInput
        label={t('groups.clearance')}
        value={crossing.clearance}
        onChange={(clearance) => change({ clearance })}
        min={1}
        max={60}
        w={150}
      />
      <Switch
        label={t('groups.button')}
        checked={crossing.button}
        onChange={(event) => change({ button: event.currentTarget.checked })}
        mb={8}
      />
    </>
  );
}
