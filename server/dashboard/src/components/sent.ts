import { createContext, useContext, useEffect } from 'react';

/** What a dialog does once its form is sent. */
export const OnSent = createContext<() => void>(() => undefined);

/** Says to the dialog around a form that it is sent and stays for the answer alone: nothing of it can be lost. */
export function useSent(sent: boolean): void {
  const onSent = useContext(OnSent);
  useEffect(() => {
    if (sent) onSent();
  }, [sent, onSent]);
}
