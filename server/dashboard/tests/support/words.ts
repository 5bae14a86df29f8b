import type { Page } from '@playwright/test';
import { call } from './city';

/** Names of products and programs, units, formats, ids and topics, which are written in Latin letters in every language. */
const LATIN =
  /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|flextraff\/\S+|\b(FlexTraff|Chrome|Linux|node|FASTag|EPC|CSV|JSON|TOML|SVG|PNG|MQTT|UTC|IST|Asia\/Kolkata|km\/h|agent\.toml|English|Leaflet|OpenStreetMap|[A-Z]{1,3}[0-9]?)\b/g;

/** What people have called things in the city of the tests, and the sections of the configuration. */
export async function namesIn(token: string): Promise<string[]> {
  const lists = ['junctions', 'devices', 'users', 'watchlist', 'settings'];
  const rows = await Promise.all(lists.map((list) => call<Record<string, unknown>[]>('GET', `/api/${list}`, token)));
  const kinds = ['junction_name', 'city', 'device_name', 'username', 'full_name', 'label', 'section'];
  const names = rows.flat().flatMap((row) => kinds.map((kind) => row[kind]));
  // One may begin with another.
  return [...new Set(names.filter((name) => typeof name === 'string' && name !== ''))]
    .map(String)
    .sort((a, b) => b.length - a.length);
}

/** Labels, buttons, heads of columns and what stands for them to those who do not see, in Latin letters although the page speaks another script. */
export async function latinLabels(page: Page, names: readonly string[]): Promise<string[]> {
  const labels = await page.evaluate(() => {
    const kinds = 'button, label, legend, th, dt, summary, h1, h2, h3, h4, h5, nav a, [role=tab], [role=columnheader]';
    const found: string[] = [];
    const tell = (element: Element, text: string | null) => {
      // What is said in English is marked so, such as the server's own sentences.
      if (text && !element.closest('[lang=en], code, pre')) found.push(text);
    };
    for (const element of document.querySelectorAll<HTMLElement>(kinds)) {
      const clone = element.cloneNode(true) as HTMLElement;
      for (const part of clone.querySelectorAll('[lang=en], code, pre, svg')) part.remove();
      tell(element, clone.textContent);
    }
    for (const name of ['aria-label', 'placeholder', 'title', 'alt'])
      for (const element of document.querySelectorAll(`[${name}]`)) tell(element, element.getAttribute(name));
    return found;
  });
  return [...new Set(labels)].filter((label) => {
    const words = names.reduce((rest, name) => rest.replaceAll(name, ''), label).replace(LATIN, '');
    return /[A-Za-z]{2,}/.test(words);
  });
}
