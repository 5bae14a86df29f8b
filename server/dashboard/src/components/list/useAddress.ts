import { useCallback, useLayoutEffect } from 'react';
import { useLocation, useSearchParams } from 'react-router';

/** The address as it is drawn, and what was set since, in its order: an address is drawn only together with all that depends on it. */
let address: { path: string; drawn: string; coming: readonly string[] } = { path: '', drawn: '', coming: [] };

/** What a view keeps in the query of its address. A change builds upon the one before, also where that is not drawn yet. */
export function useAddress(): [URLSearchParams, (change: (params: URLSearchParams) => void) => void] {
  const { pathname: path } = useLocation();
  const [params, setParams] = useSearchParams();
  const drawn = params.toString();
  useLayoutEffect(() => {
    if (address.path === path && address.drawn === drawn) return;
    const at = address.path === path ? address.coming.indexOf(drawn) : -1;
    // Of what somebody has left, as by going back, nothing comes any more.
    address = { path, drawn, coming: at < 0 ? [] : address.coming.slice(at + 1) };
  }, [path, drawn]);
  const change = useCallback(
    (apply: (params: URLSearchParams) => void) => {
      const last = address.coming.at(-1) ?? address.drawn;
      const next = new URLSearchParams(last);
      apply(next);
      const text = next.toString();
      if (text === last) return;
      address = { ...address, coming: [...address.coming, text] };
      setParams(next, { replace: true, preventScrollReset: true });
    },
    [setParams],
  );
  return [params, change];
}
