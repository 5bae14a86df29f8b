import type { Messages } from '../messages';

export const audit: Messages['audit'] = {
  nav: 'ऑडिट लॉग',
  title: 'ऑडिट लॉग',
  who: 'किसने',
  nobody: 'बिना साइन इन',
  action: 'कार्य',
  target: 'किस पर',
  detail: 'नए मान',
  csv: 'CSV डाउनलोड करें',
  none: 'ऐसी कोई पंक्ति नहीं है।',
  session: '{{name}} का सत्र',
  families: {
    junction: 'जंक्शन',
    device: 'उपकरण',
    watchlist: 'निगरानी सूची',
    link: 'संपर्क मार्ग',
    holidays: 'छुट्टियाँ',
    alarm: 'अलार्म',
    user: 'उपयोगकर्ता',
    access: 'अधिकार',
    session: 'साइन इन',
    dead_letters: 'अस्वीकृत संदेश',
    backup: 'बैकअप',
    authority: 'प्रमाणपत्र प्राधिकरण',
    vehicles: 'गुज़रते वाहन',
  },
};
