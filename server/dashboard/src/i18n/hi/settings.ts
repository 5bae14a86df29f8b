import type { Messages } from '../messages';

export const settings: Messages['settings'] = {
  nav: 'सेटिंग',
  title: 'सेटिंग',
  text: 'इस सर्वर का लागू कॉन्फ़िगरेशन। गुप्त मान छिपाए गए हैं। बदलने के लिए फ़ाइल या वेरिएबल बदलें और सर्वर फिर शुरू करें।',
  key: 'कुंजी',
  value: 'मान',
  unset: 'निर्धारित नहीं',
  origin: 'स्रोत',
  origins: { default: 'डिफ़ॉल्ट', file: 'फ़ाइल', environment: 'एनवायरनमेंट' },
};
