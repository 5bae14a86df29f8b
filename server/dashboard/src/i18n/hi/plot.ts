import type { Messages } from '../messages';

export const plot: Messages['plot'] = {
  legend: 'श्रेणियाँ',
  time: 'समय',
  times: 'समय {{zone}} का',
  notDrawn: 'चित्र अभी बना नहीं है',
  noPicture: 'यह ब्राउज़र चित्र नहीं बना सकता',
  pointAt: 'किसी समय पर इंगित करें',
  unwatched: 'निगरानी नहीं हुई',
  part: 'आंशिक निगरानी',
  running: 'अभी पूरा नहीं हुआ',
  watched: 'निगरानी',
  watchedShare: 'समय के {{share}} में निगरानी',
  unknown: 'ज्ञात नहीं',
  moreRows: 'और {{count}} पंक्तियाँ: वे फ़ाइल में हैं।',
  saveOf: 'सहेजें: {{title}}',
  notSaved: 'फ़ाइल नहीं बन सकी',
  png: 'चित्र (PNG)',
  svg: 'चित्र (SVG)',
  csv: 'ये आँकड़े (CSV)',
  showTable: 'आँकड़े दिखाएँ',
  hideTable: 'आँकड़े छिपाएँ',
};
