import { Button, Group } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '@/components/Dialog';
import { Section } from '@/components/Section';
import { FactorOff } from './FactorOff';
import { FactorSetUp } from './FactorSetUp';
import { RecoveryCodes } from './RecoveryCodes';

type Step = 'setUp' | 'disable' | 'renew' | null;

/** Sets up the second factor, switches it off, and makes new recovery codes. */
export function SecondFactorCard({ enabled }: { enabled: boolean }) {
  const { t } = useTranslation('account');
  const client = useQueryClient();
  const [step, setStep] = useState<Step>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const close = () => {
    setStep(null);
    setCodes(null);
    void client.invalidateQueries({ queryKey: ['me'] });
  };
  const title = step === 'renew' ? t('factor.renew') : step === 'disable' ? t('factor.disable') : t('factor.title');
  return (
    <Section title={t('factor.title')} text={enabled ? t('factor.on') : t('factor.off')}>
      <Group>
        {enabled ? (
          <>
            <Button variant="default" onClick={() => setStep('renew')}>
              {t('factor.renew')}
            </Button>
            <Button variant="light" color="red" onClick={() => setStep('disable')}>
              {t('factor.disable')}
            </Button>
          </>
        ) : (
          <Button onClick={() => setStep('setUp')}>{t('factor.begin')}</Button>
        )}
      </Group>
      <Dialog
        form
        opened={step !== null}
        onClose={close}
        title={codes ? t('factor.codesTitle') : title}
        sticky={codes !== null}
      >
        {codes && <RecoveryCodes codes={codes} onKept={close} />}
        {!codes && step === 'setUp' && <FactorSetUp onCodes={setCodes} />}
        {!codes && step === 'disable' && <FactorOff action="disable" onDone={close} />}
        {!codes && step === 'renew' && <FactorOff action="renew" onDone={setCodes} />}
      </Dialog>
    </Section>
  );
}
