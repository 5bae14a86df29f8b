import { useEffect, useRef } from 'react';
import { useLocation } from 'react-router';
import { arriveAt } from '@/components/arrival';

/** Who goes on to another view begins there, with the keyboard and with a screen reader; what a view keeps in the address moves nothing. */
export function useArrival(): void {
  const { pathname } = useLocation();
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    arriveAt(document.querySelector<HTMLElement>('#content h1') ?? document.getElementById('content'));
  }, [pathname]);
}
