import type { Messages } from '../messages';

export const signin: Messages['signin'] = {
  title: 'साइन इन',
  username: 'उपयोगकर्ता नाम',
  password: 'पासवर्ड',
  submit: 'साइन इन करें',
  totp: 'एक बार का कोड (OTP)',
  totpHint: 'ऑथेंटिकेटर ऐप के छह अंक, या कोई रिकवरी कोड',
  ended: 'आपका सत्र समाप्त हो गया। फिर साइन इन करें।',
  setup: {
    title: 'पहला प्रशासक बनाएँ',
    text: 'इस सर्वर पर अभी कोई पंजीकृत नहीं है। इस खाते को सब कुछ करने का अधिकार होगा।',
    token: 'सेटअप टोकन',
    tokenHint: 'सर्वर के स्टार्ट-अप लॉग से',
    email: 'ई-मेल पता',
    fullName: 'पूरा नाम (वैकल्पिक)',
    passwordHint: 'कम से कम 12 अक्षर, अनुमान लगाना कठिन हो',
    submit: 'पंजीकरण और साइन इन करें',
  },
};
